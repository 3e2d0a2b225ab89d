"""Events that a client has the switch fire, as far as the operator's list goes."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import grpc
import pytest
from tests.contract.phone import DEADLINE_S, Phone, Tape, new_id, reason_of, violated_fields

from callcontrol.v1 import common_pb2, event_pb2
from callcontrol.v1 import event_service_pb2 as pb

NODE = "switch"
CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED


@pytest.fixture
def service_settings() -> Mapping[str, object]:
    return {"publish_subclasses": "contract::one,contract::many*"}


@pytest.fixture
async def tape(phone: Phone) -> AsyncIterator[Tape]:
    """All that happens, with all headers."""
    stream = phone.events.Events(pb.EventsRequest(view=common_pb2.VIEW_FULL))
    await stream.initial_metadata()
    tape = Tape()
    recorder = asyncio.create_task(tape.record(stream), name="full tape")
    yield tape
    stream.cancel()
    recorder.cancel()
    await asyncio.wait([recorder])


async def publish(phone: Phone, subclass: str, **fields: object) -> pb.PublishEventResponse:
    request = pb.PublishEventRequest(node_id=NODE, subclass=subclass)
    request.MergeFrom(pb.PublishEventRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return await phone.events.PublishEvent(request, timeout=DEADLINE_S)


async def refused(phone: Phone, subclass: str, **fields: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await publish(phone, subclass, **fields)
    return error.value


async def on_tape(tape: Tape, told: pb.PublishEventResponse) -> event_pb2.Event:
    return await tape.where(lambda event: event.event_id == told.event_id)


async def test_an_event_comes_to_subscribers_with_its_headers_and_its_body(
    phone: Phone, tape: Tape
) -> None:
    headers = {"Order": "17", "x-Shop.name_1": "Grüße ✓"}

    told = await publish(phone, "contract::one", headers=headers, body="ein\r\nKörper\n\n".encode())
    event = await on_tape(tape, told)

    assert told.status.confirmation == CONFIRMED
    assert (event.name, event.subclass) == ("CUSTOM", "contract::one")
    assert {name: event.headers[name] for name in headers} == headers
    assert event.headers["Event-UUID"] == told.event_uuid
    assert event.body.decode() == "ein\r\nKörper\n\n"
    assert (event.call_id, event.synthetic) == ("", False)


@pytest.mark.parametrize("value", ["a: b:c", "100%25 %s %41", 'it\'s "x" \\ y', "${x}", "pad  "])
async def test_an_awkward_value_arrives_as_it_is(phone: Phone, tape: Tape, value: str) -> None:
    told = await publish(phone, "contract::many-awkward", headers={"V": value})
    assert (await on_tape(tape, told)).headers["V"] == value


async def test_each_event_has_an_id_of_its_own(phone: Phone) -> None:
    first = await publish(phone, "contract::one")
    second = await publish(phone, "contract::one")
    assert len({first.event_id, second.event_id, first.event_uuid, second.event_uuid}) == 4


async def test_a_repeated_request_fires_nothing_twice(phone: Phone, tape: Tape) -> None:
    request_id = new_id()

    first = await publish(phone, "contract::one", request_id=request_id, headers={"Try": "1"})
    again = await publish(phone, "contract::one", request_id=request_id, headers={"Try": "1"})
    last = await publish(phone, "contract::one", headers={"Try": "2"})
    await on_tape(tape, last)

    fired = [event for event in tape.events if event.headers.get("Try") == "1"]
    assert (again.event_uuid, again.status.replayed) == (first.event_uuid, True)
    assert len(fired) == 1


@pytest.mark.parametrize("subclass", ["contract::onemore", "contract::on", "other::x"])
async def test_what_is_not_on_the_list_is_not_fired(phone: Phone, subclass: str) -> None:
    error = await refused(phone, subclass)
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(error) == "COMMAND_NOT_ALLOWED"


@pytest.mark.parametrize(
    "subclass",
    ["", "a b", "x\ny", "callcontrol::canary", "conference::maintenance", "SOFIA::register"],
)
async def test_a_subclass_that_means_more_is_refused(phone: Phone, subclass: str) -> None:
    error = await refused(phone, subclass)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(error) == ["subclass"]


@pytest.mark.parametrize(
    "name",
    [
        "Event-Name", "event-subclass", "Core-UUID", "Unique-ID", "unique-id", "Content-Length",
        "variable_x", "Caller-Destination-Number", "Job-UUID", "Canary-ID", "Command", "_body",
        "a b", "a:b", "x[1]", "x\ny", "",
    ],
)  # fmt: skip
async def test_a_header_of_the_switch_cannot_be_forged(phone: Phone, name: str) -> None:
    error = await refused(phone, "contract::one", headers={name: "x"})
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert len(violated_fields(error)) == 1


@pytest.mark.parametrize(
    "value", ["", " x", "ARRAY::a|:b", "a\nContent-Length: 5", "a\rb", "a\0b", "x" * 4_097]
)
async def test_a_value_that_would_be_altered_is_refused(phone: Phone, value: str) -> None:
    error = await refused(phone, "contract::one", headers={"V": value})
    assert violated_fields(error) == ["headers[V]"]


@pytest.mark.parametrize("body", [b"a\0b", b"\xff", b"x" * 65_537])
async def test_a_body_that_nobody_could_read_is_refused(phone: Phone, body: bytes) -> None:
    assert violated_fields(await refused(phone, "contract::one", body=body)) == ["body"]


async def test_the_longest_event_arrives_whole(phone: Phone, tape: Tape) -> None:
    headers = {f"H{number}": "x" * 4_096 for number in range(64)}
    request = pb.PublishEventRequest(node_id=NODE, subclass="contract::one")
    size = 256 * 1024 - 70_000  # of the longest request
    kept = dict(list(headers.items())[: size // 4_110])
    request.headers.update(kept)
    request.body = b"y" * 65_536

    told = await phone.events.PublishEvent(request, timeout=DEADLINE_S)
    event = await on_tape(tape, told)

    assert {name: event.headers[name] for name in kept} == kept
    assert event.body == request.body


@pytest.mark.parametrize("node_id", ["", "elsewhere"])
async def test_the_node_must_be_named(phone: Phone, node_id: str) -> None:
    request = pb.PublishEventRequest(node_id=node_id, subclass="contract::one")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await phone.events.PublishEvent(request, timeout=DEADLINE_S)
    assert error.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    )


class TestWhereTheSwitchIsAskedForLess:
    """Events that the operator's node_events leave out cannot come back."""

    @pytest.fixture
    def service_settings(self) -> Mapping[str, object]:
        return {
            "publish_subclasses": "contract::one,contract::two",
            "node_events": "contract::two",
            "confirm_timeout_s": 60,
        }

    async def test_what_does_not_come_back_is_accepted_at_once(self, phone: Phone) -> None:
        told = await publish(phone, "contract::one")
        assert told.status.confirmation == ACCEPTED
        assert told.event_uuid
        assert not told.event_id

    async def test_what_does_is_confirmed(self, phone: Phone) -> None:
        assert (await publish(phone, "contract::two")).status.confirmation == CONFIRMED
