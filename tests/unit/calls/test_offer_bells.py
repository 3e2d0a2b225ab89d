"""Doorbells: what in the event log rings at the desk, and for what."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.call_node import CORE, FIRST, A
from tests.support.call_node import Desk as Switch

from callcontrol.calls.offers.bells import Bells
from callcontrol.calls.offers.desk import CallDesk
from callcontrol.calls.offers.ports import Bell, BellKind
from callcontrol.calls.picture.leg import Sign
from callcontrol.errors import InvalidRequest
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.arrivals import ArrivedCall
from callcontrol.ids import CallId, CoreUuid, NodeId


class ListeningDesk(CallDesk):
    """Hears bells and ends, and does nothing."""

    def __init__(self) -> None:
        self.bells: list[Bell] = []
        self.said: list[str] = []

    def ring(self, bell: Bell) -> None:
        self.bells.append(bell)

    def knows(self, call_id: CallId) -> bool:
        return any(bell.call_id == call_id for bell in self.bells)

    def known(self) -> list[CallId]:
        return [bell.call_id for bell in self.bells]

    def found_parked(self, call_id: CallId) -> None:
        self.said.append("found parked")

    def left(self, call_id: CallId) -> None:
        self.said.append("left")

    def hung_up(self, call_id: CallId) -> None:
        self.said.append("hung up")

    def ended(self, call_id: CallId) -> None:
        self.said.append("ended")


class UnparkedNodes:
    """Nodes that no bell needs here."""

    def get(self, node_id: NodeId) -> "UnparkedNodes":
        return self

    async def unpark(self, call_id: CallId) -> bool:
        return True


class OpenLine:
    """The end of a socket that stays open."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def go_on(self) -> None:
        pass


class Scene:
    """A switch whose events come into a log, and the bells that read it."""

    def __init__(self) -> None:
        self.switch, self.log, self.desk = Switch(), EventLog(), ListeningDesk()
        self.line = OpenLine()
        self.bells = Bells(self.desk, self.switch.tracker, self.log, UnparkedNodes())

    async def happen(self, name: str, **variables: str) -> None:
        headers = {f"variable_{key}": value for key, value in variables.items()}
        self.log.append(self.switch.happen(name, A, **headers))
        for _ in range(5):
            await asyncio.sleep(0)

    def variable(self, name: str) -> str | None:
        call = self.switch.tracker.seen(A)
        assert call is not None
        return call.variables.get(name)

    def arrive(self, application: str, number: int = 0, **variables: str) -> None:
        """`number` is how many events the switch has fired."""
        headers = {f"variable_{key}": value for key, value in variables.items()}
        headers["Event-Sequence"] = str(number)
        self.bells.on_arrival(
            ArrivedCall(
                node_id=FIRST,
                core_uuid=CoreUuid(CORE),
                call_id=A,
                application=application,
                is_named_by_path=False,
                headers=headers,
                line=self.line,
            )
        )


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.bells.run())
        await asyncio.sleep(0)
        yield scene
        running.cancel()


async def test_a_park_with_an_application_rings(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK", callcontrol_application="ivr")
    (bell,) = scene.desk.bells
    assert (bell.call_id, bell.node_id, bell.application) == (A, FIRST, "ivr")
    assert (bell.kind, bell.is_new) == (BellKind.PARK, True)


async def test_a_park_without_one_does_not(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK")
    assert not scene.desk.bells


@pytest.mark.parametrize(
    "variables", [{"callcontrol_worker": "ann"}, {"callcontrol_onward": "true"}]
)
async def test_a_park_of_what_is_somebodys_or_was_sent_on_is_not_new(
    scene: Scene, variables: dict[str, str]
):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK", callcontrol_application="ivr", **variables)
    assert [bell.is_new for bell in scene.desk.bells] == [False]


async def test_an_application_that_none_can_be_does_not_ring(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK", callcontrol_application="a b;c")
    assert not scene.desk.bells
    with pytest.raises(InvalidRequest):
        scene.arrive("a b;c")


async def test_an_arrival_rings_once_the_call_is_in_the_picture(scene: Scene):
    scene.arrive("ivr")
    assert not scene.desk.bells
    await scene.happen("CHANNEL_CREATE")
    assert [(bell.kind, bell.is_new) for bell in scene.desk.bells] == [(BellKind.SOCKET, True)]


async def test_a_call_that_arrives_has_its_variables_whatever_comes_late(scene: Scene):
    await scene.happen("CHANNEL_CREATE", uuid=A)
    scene.arrive("ivr", number=4, uuid=A, customer="42")
    assert scene.variable("customer") == "42"
    await scene.happen("CHANNEL_EXECUTE", uuid=A)  # the second event, of the action that set it
    assert scene.variable("customer") == "42"
    for _ in range(3):
        await scene.happen("CHANNEL_EXECUTE", uuid=A)
    assert scene.variable("customer") is None


async def test_the_park_at_our_own_socket_is_no_second_bell(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    scene.arrive("ivr")
    await scene.happen("CHANNEL_PARK", callcontrol_application="ivr", current_application="socket")
    assert [bell.kind for bell in scene.desk.bells] == [BellKind.SOCKET]


async def test_the_desk_hears_when_a_call_leaves_its_park_and_when_it_ends(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK", callcontrol_application="ivr")
    await scene.happen("CHANNEL_UNPARK")
    assert scene.desk.said == ["left"]
    await scene.happen("CHANNEL_HANGUP")
    assert scene.desk.said == ["left", "hung up"]
    await scene.happen("CHANNEL_HANGUP_COMPLETE")
    assert scene.desk.said[2:] == ["ended"]


async def test_the_end_of_a_park_before_its_socket_is_none_of_the_park_at_that(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK", callcontrol_application="ivr")
    scene.arrive("menu", number=4)
    await scene.happen("CHANNEL_UNPARK")  # the third event
    assert not scene.desk.said
    await scene.happen("CHANNEL_PARK", callcontrol_application="menu", current_application="socket")
    await scene.happen("CHANNEL_UNPARK")
    assert scene.desk.said == ["left"]
    assert [bell.application for bell in scene.desk.bells] == ["ivr", "menu"]


async def test_the_desk_hears_of_a_call_that_is_found_parked_which_it_knows(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK", callcontrol_application="ivr", uuid=A)
    scene.bells.look_around()
    assert scene.desk.said == ["found parked"]
    assert len(scene.desk.bells) == 1


async def test_the_desk_hears_of_a_call_that_is_found_out_of_its_park(scene: Scene):
    await scene.happen("CHANNEL_CREATE")
    await scene.happen("CHANNEL_PARK", callcontrol_application="ivr", uuid=A)
    leg = scene.switch.tracker.legs.alive(A)
    assert leg is not None
    leg.note(Sign.UNPARKED, 99)  # of which no event tells
    scene.bells.look_around()
    assert scene.desk.said == ["left"]


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_call_at_our_socket_has_not_left_whose_park_was_not_seen_yet(
    scene: Scene, is_open: bool
):
    await scene.happen("CHANNEL_CREATE", callcontrol_application="ivr", uuid=A)
    scene.arrive("ivr")
    if not is_open:
        scene.line.closed.set_result("it went on")
    scene.bells.look_around()
    assert scene.desk.said == ([] if is_open else ["left"])


async def test_a_call_that_is_somebodys_has_not_left_by_being_parked_no_more(scene: Scene):
    await scene.happen(
        "CHANNEL_CREATE", callcontrol_application="ivr", callcontrol_worker="ann", uuid=A
    )
    for _ in range(2):
        scene.bells.look_around()
    assert (len(scene.desk.bells), scene.desk.said) == (1, [])
