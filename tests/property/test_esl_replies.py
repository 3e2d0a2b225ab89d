"""The k-th reply reaches the k-th command, whoever has stopped waiting meanwhile."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from callcontrol.esl.commands import Api, BackgroundApi
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messages import ApiResponse, Reply
from callcontrol.esl.protocol import Answered, Connection
from callcontrol.esl.serialize import api_frame, encode_event_json, event_frame, reply_frame


@dataclass
class Caller:
    """One who sent a command; the reply that belongs to it bears the same number."""

    number: int
    cancelled: bool = False
    received: str | None = None


class Conversation(RuleBasedStateMachine):
    """A client that sends and gives up at random, and a switch that answers in order."""

    def __init__(self) -> None:
        super().__init__()
        self.connection: Connection[Caller] = Connection()
        self.callers: list[Caller] = []
        self.unanswered: list[Caller] = []
        self.on_the_wire = b""
        self.events_sent = self.events_received = 0

    @rule(background=st.booleans())
    def send(self, background: bool) -> None:
        caller = Caller(len(self.callers))
        text = str(caller.number)
        command = BackgroundApi("echo", text) if background else Api("echo", text)
        assert text.encode() in self.connection.send(command, caller)
        self.callers.append(caller)
        self.unanswered.append(caller)

    @rule()
    def try_to_send_what_cannot_be_sent(self) -> None:
        try:
            self.connection.send(Api("echo", "a\nb"), Caller(-1))
        except UnencodableValue:
            return
        raise AssertionError

    @rule(data=st.data())
    def give_up_waiting(self, data: st.DataObject) -> None:
        if self.callers:
            data.draw(st.sampled_from(self.callers)).cancelled = True

    @rule(as_reply=st.booleans())
    def answer_the_oldest(self, as_reply: bool) -> None:
        if self.unanswered:
            text = str(self.unanswered.pop(0).number)
            self.on_the_wire += reply_frame(text) if as_reply else api_frame(text)

    @rule()
    def fire_an_event(self) -> None:
        self.events_sent += 1
        number = str(self.events_sent)
        body = encode_event_json([("Event-Name", "TRAP"), ("Number", number)])
        self.on_the_wire += event_frame(body, "json")

    @rule(size=st.integers(1, 300))
    def deliver(self, size: int) -> None:
        piece, self.on_the_wire = self.on_the_wire[:size], self.on_the_wire[size:]
        for message in self.connection.receive_data(piece):
            if isinstance(message, Answered):
                assert message.waiter.received is None
                message.waiter.received = text_of(message.answer)
            else:
                self.events_received += 1

    @rule()
    def lose_the_link_and_begin_another(self) -> None:
        waiting = [caller for caller in self.callers if caller.received is None]
        assert self.connection.abandon() == waiting
        self.connection = Connection()
        self.callers, self.unanswered, self.on_the_wire = [], [], b""
        self.events_sent = self.events_received = 0

    @invariant()
    def every_reply_went_to_its_own_caller(self) -> None:
        answered = [caller for caller in self.callers if caller.received is not None]
        assert answered == self.callers[: len(answered)]
        assert all(caller.received == str(caller.number) for caller in answered)
        assert self.connection.pending == len(self.callers) - len(answered)
        assert self.events_received <= self.events_sent
        if not self.on_the_wire:
            assert self.events_received == self.events_sent


def text_of(answer: Reply | ApiResponse) -> str:
    return answer.text


TestConversation = Conversation.TestCase


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 50))
def test_cancelled_callers_do_not_shift_the_replies(cancelled: list[bool], size: int) -> None:
    connection: Connection[int] = Connection()
    for number in range(len(cancelled)):
        connection.send(Api("echo", str(number)), number)
    stream = b"".join(api_frame(str(number)) for number in range(len(cancelled)))
    received: dict[int, str] = {}
    for start in range(0, len(stream), size):
        for message in connection.receive_data(stream[start : start + size]):
            assert isinstance(message, Answered)
            if not cancelled[message.waiter]:
                received[message.waiter] = message.answer.text
    assert received == {n: str(n) for n, gone in enumerate(cancelled) if not gone}
