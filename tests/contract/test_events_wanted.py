"""Which events come, by what the switch is asked for, on a switch that lives."""

import uuid
from collections.abc import Mapping

import grpc
import pytest
from tests.contract.phone import DEADLINE_S, Phone, reason_of, violated_fields
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import event_service_pb2 as events_pb2

CANARY = "callcontrol::canary"


async def publish(switch: SwitchUnderTest, subclass: str) -> str:
    """Another client of the switch fires a CUSTOM event; what it wrote into it."""
    mark = str(uuid.uuid4())
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        await client.ask(f"sendevent CUSTOM\nEvent-Subclass: {subclass}\nContract-Mark: {mark}")
    return mark


class TestEverything:
    async def test_an_event_of_a_subclass_that_nobody_heard_of_comes(
        self, phone: Phone, switch: SwitchUnderTest
    ) -> None:
        subclass = f"contract::{uuid.uuid4()}"
        await publish(switch, subclass)

        told = await phone.tape.where(lambda event: event.subclass == subclass)

        assert told.name == "CUSTOM"

    async def test_what_says_little_of_a_call_comes_too(self, phone: Phone) -> None:
        call_id = await phone.answered()
        await phone.hang_up(call_id)

        names = {event.name for event in phone.tape.events if event.call_id == call_id}

        assert "CHANNEL_STATE" in names

    async def test_canaries_do_not_whoever_sent_them(
        self, phone: Phone, other: Phone, switch: SwitchUnderTest
    ) -> None:
        await publish(switch, CANARY)
        subclass = f"contract::{uuid.uuid4()}"
        await publish(switch, subclass)
        for each in (phone, other):
            await each.tape.where(lambda event: event.subclass == subclass)

            assert CANARY not in {event.subclass for event in each.tape.events}

    async def test_a_misspelt_name_is_refused(self, phone: Phone) -> None:
        wanted = events_pb2.EventFilter(names=["CHANNEL_ANSWER", "CHANNEL_ANSWERED"])
        request = events_pb2.EventsRequest(filters=[wanted])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await phone.events.Events(request, timeout=DEADLINE_S).read()

        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert violated_fields(refused.value) == ["filters[0].names[1]"]


class TestNarrowed:
    @pytest.fixture
    def service_settings(self) -> Mapping[str, object]:
        return {"node_events": "CHANNEL_STATE,contract::wanted"}

    async def test_only_what_is_wanted_comes_and_what_calls_need(
        self, phone: Phone, switch: SwitchUnderTest
    ) -> None:
        await publish(switch, "contract::unwanted")
        await publish(switch, "contract::wanted")
        call_id = await phone.answered()
        await phone.hang_up(call_id)

        names = {event.name for event in phone.tape.events if event.call_id == call_id}
        assert {"CHANNEL_STATE", "CHANNEL_ANSWER"} <= names
        assert not {"API", "CODEC"} & {event.name for event in phone.tape.events}
        subclasses = {event.subclass for event in phone.tape.events}
        assert "contract::wanted" in subclasses
        assert not {"contract::unwanted", CANARY} & subclasses

    @pytest.mark.parametrize(
        ("wanted", "place"),
        [
            (events_pb2.EventFilter(names=["CHANNEL_STATE", "CODEC"]), "filters[0].names[1]"),
            (events_pb2.EventFilter(subclasses=["sofia::*"]), "filters[0].subclasses[0]"),
        ],
    )
    async def test_a_filter_for_what_never_comes_is_refused(
        self, phone: Phone, wanted: events_pb2.EventFilter, place: str
    ) -> None:
        request = events_pb2.EventsRequest(filters=[wanted])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await phone.events.Events(request, timeout=DEADLINE_S).read()

        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert reason_of(refused.value) == "FILTER_INVALID"
        assert violated_fields(refused.value) == [place]
        assert "node_events" in str(refused.value.details())


class TestAllButSome:
    @pytest.fixture
    def service_settings(self) -> Mapping[str, object]:
        return {"node_events": "ALL,-CHANNEL_STATE,-API"}

    async def test_these_do_not_come_and_everything_else_does(
        self, phone: Phone, switch: SwitchUnderTest
    ) -> None:
        subclass = f"contract::{uuid.uuid4()}"
        await publish(switch, subclass)
        call_id = await phone.answered()
        await phone.hang_up(call_id)
        await phone.tape.where(lambda event: event.subclass == subclass)

        names = {event.name for event in phone.tape.events}
        assert {"CODEC", "CHANNEL_OUTGOING", "BACKGROUND_JOB", "CHANNEL_ANSWER"} <= names
        assert not {"CHANNEL_STATE", "API"} & names
