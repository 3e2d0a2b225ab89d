"""Events that are typed and not about the life of a call, on a switch that lives."""

from collections.abc import AsyncIterator, Mapping

import pytest
from tests.contract.phone import DEADLINE_S, Phone, new_id, sip
from tests.contract.raw_client import RawClient
from tests.contract.sip_world import DOMAIN, answering_pings, notify, telephone
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2, event_pb2

Registered = event_pb2.RegistrationChanged
Gateway = event_pb2.GatewayChanged
TONE = common_pb2.MediaSource(tone_stream="%(4000,0,440)")
BEEP = common_pb2.MediaSource(tone_stream="%(1500,0,1000)")


@pytest.fixture
async def client(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    """Another client of the switch."""
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        yield client


@pytest.fixture
def service_settings() -> Mapping[str, object]:
    return {"raw_applications": "tone_detect .*;avmd_start;avmd_stop"}


class TestRegistrations:
    async def test_a_telephone_registers_and_leaves(
        self, phone: Phone, switch: SwitchUnderTest
    ) -> None:
        with telephone(switch) as own:
            await own.register()
            await own.register(0)
            left = await phone.tape.event(
                "registration_changed",
                where=lambda e: e.registration_changed.kind == Registered.KIND_UNREGISTERED,
            )

            came = await phone.tape.event("registration_changed")

        assert came.registration_changed == Registered(
            kind=Registered.KIND_REGISTERED,
            profile="internal",
            user=own.user,
            domain=DOMAIN,
            contact=own.contact,
        )
        assert (came.name, came.subclass) == ("CUSTOM", "sofia::register")
        assert left.registration_changed.user == own.user
        assert left.registration_changed.contact == own.contact
        assert (came.call_id, left.call_id) == ("", "")

    async def test_a_registration_is_removed(
        self, phone: Phone, switch: SwitchUnderTest, client: RawClient
    ) -> None:
        with telephone(switch) as own:
            await own.register()
            await client.ask(f"api sofia profile internal flush_inbound_reg {own.address}")
            gone = await phone.tape.event(
                "registration_changed",
                where=lambda e: e.registration_changed.kind == Registered.KIND_EXPIRED,
            )

        assert gone.subclass == "sofia::expire"
        assert gone.registration_changed == Registered(
            kind=Registered.KIND_EXPIRED,
            profile="internal",
            user=own.user,
            domain=DOMAIN,
            contact=own.contact,
        )


async def gateway(phone: Phone, name: str, **wanted: object) -> Gateway:
    """The first event of a gateway that has these values."""
    event = await phone.tape.event(
        "gateway_changed",
        where=lambda e: (
            e.gateway_changed.gateway == name
            and all(getattr(e.gateway_changed, key) == value for key, value in wanted.items())
        ),
    )
    return event.gateway_changed


class TestGateways:
    async def test_a_gateway_whose_registrar_is_not_there(
        self, phone: Phone, client: RawClient
    ) -> None:
        assert await client.ask("api sofia profile internal register fallen") == "+OK\n"

        await gateway(phone, "fallen", state="TRYING")
        failed = await gateway(phone, "fallen", state="FAILED")
        await gateway(phone, "fallen", state="FAIL_WAIT")

        assert failed == Gateway(
            kind=Gateway.KIND_STATE,
            gateway="fallen",
            state="FAILED",
            sip_code=503,
            reason="Service Unavailable",
        )

    async def test_a_gateway_is_up_while_it_answers_pings(
        self, phone: Phone, switch: SwitchUnderTest
    ) -> None:
        async with answering_pings(switch):
            up = await gateway(phone, "pinged", up=True)
        down = await gateway(phone, "pinged", up=False, sip_code=503)

        assert (up.state, up.sip_code, up.reason) == ("NOREG", 200, "OK")
        assert (down.state, down.reason) == ("NOREG", "Service Unavailable")

    async def test_a_gateway_comes_and_goes(self, phone: Phone, client: RawClient) -> None:
        await client.ask("api sofia profile internal killgw pinged")
        gone = await gateway(phone, "pinged", kind=Gateway.KIND_REMOVED)
        await client.ask("api sofia profile internal rescan")
        came = await gateway(phone, "pinged", kind=Gateway.KIND_ADDED)

        assert gone == Gateway(kind=Gateway.KIND_REMOVED, gateway="pinged")
        assert came == Gateway(kind=Gateway.KIND_ADDED, gateway="pinged")


class TestMailboxes:
    async def test_messages_wait(self, phone: Phone, client: RawClient) -> None:
        await client.ask(
            "sendevent MESSAGE_WAITING\nMWI-Messages-Waiting: yes\n"
            f"MWI-Message-Account: sip:1000@{DOMAIN}\nMWI-Voice-Message: 2/5 (1/3)"
        )

        told = await phone.tape.event("message_waiting")

        assert told.name == "MESSAGE_WAITING"
        assert told.message_waiting == event_pb2.MessageWaiting(
            mailbox=f"1000@{DOMAIN}",
            waiting=True,
            new_messages=2,
            saved_messages=5,
            new_urgent_messages=1,
            saved_urgent_messages=3,
        )

    async def test_another_server_tells_of_messages(
        self, phone: Phone, switch: SwitchUnderTest
    ) -> None:
        account = "Message-Account: sip:somebody@elsewhere"
        summary = f"Messages-Waiting: yes\r\n{account}\r\nVoice-Message: 2/5 (1/3)\r\n"
        mailbox = notify(switch, "1000", summary)

        told = await phone.tape.event("message_waiting")

        assert told.message_waiting == event_pb2.MessageWaiting(
            mailbox=mailbox,
            waiting=True,
            new_messages=2,
            saved_messages=5,
            new_urgent_messages=1,
            saved_urgent_messages=3,
        )


async def run(phone: Phone, call_id: str, name: str, data: str = "") -> None:
    """Run an application on a call."""
    application = call_pb2.Application(name=name, data=data)
    request = calls_pb2.ExecuteApplicationRequest(call_id=call_id, application=application)
    await phone.calls.ExecuteApplication(request, timeout=DEADLINE_S)


async def play(phone: Phone, call_id: str, source: common_pb2.MediaSource) -> None:
    request = calls_pb2.PlayRequest(call_id=call_id, sources=[source])
    await phone.calls.Play(request, timeout=DEADLINE_S)


class TestDetections:
    async def test_a_tone_is_heard_on_a_leg(self, phone: Phone) -> None:
        listening = await phone.answered(labels={"team": "blue"})
        playing = await phone.other_half(listening)
        await run(phone, listening, "tone_detect", "busy 440 r")
        await play(phone, playing, TONE)

        told = await phone.tape.event("detection_reported", listening)
        first = await phone.tape.event("detection_reported")

        assert first.detection_reported == told.detection_reported
        assert told.detection_reported == event_pb2.DetectionReported(
            detector="tone", result="busy"
        )
        assert told.labels == {"team": "blue"}
        assert (first.call_id, first.position) == ("", told.position)
        assert first.event_id != told.event_id

    async def test_the_beep_of_a_machine_is_heard_and_told_once(self, phone: Phone) -> None:
        listening = await phone.answered(labels={"team": "blue"})
        await run(phone, listening, "avmd_start")
        await play(phone, await phone.other_half(listening), BEEP)
        told = await phone.tape.event("detection_reported", listening)
        await run(phone, listening, "avmd_stop")
        await self.told_twice(phone, "avmd::stop")

        assert told.subclass == "avmd::beep"
        assert told.labels == {"team": "blue"}
        found = [e.detection_reported for e in phone.tape.events if e.detection_reported.detector]
        assert found == [event_pb2.DetectionReported(detector="machine", result="beep")]

    async def test_a_search_for_a_beep_that_heard_none_says_so(self, phone: Phone) -> None:
        listening = await phone.answered()
        await run(phone, listening, "avmd_start")
        await run(phone, listening, "avmd_stop")
        await self.told_twice(phone, "avmd::stop")

        found = [e.detection_reported for e in phone.tape.events if e.detection_reported.detector]
        assert found == [event_pb2.DetectionReported(detector="machine", result="none")]

    async def told_twice(self, phone: Phone, subclass: str) -> None:
        """Until the leg has fired the event again."""
        first = await phone.tape.where(lambda e: e.subclass == subclass)
        await phone.tape.where(
            lambda e: e.position == first.position and e.event_id != first.event_id
        )


class TestJobs:
    @pytest.mark.parametrize(
        ("command", "succeeded", "reply"),
        [("echo hello", True, "hello"), ("uuid_kill nobody", False, "-ERR No such channel!\n")],
    )
    async def test_a_job_tells_its_end(
        self, phone: Phone, client: RawClient, command: str, succeeded: bool, reply: str
    ) -> None:
        job_id = new_id()
        await client.ask(f"bgapi {command}\nJob-UUID: {job_id}")

        told = await phone.tape.event(
            "operation_finished", where=lambda e: e.operation_finished.operation_id == job_id
        )

        assert told.name == "BACKGROUND_JOB"
        assert told.operation_finished.succeeded is succeeded
        assert told.operation_finished.reply == reply

    async def test_the_job_of_a_call_names_it(self, phone: Phone) -> None:
        call_id = await phone.answered(labels={"team": "blue"})

        told = await phone.tape.event("operation_finished", call_id)

        assert told.operation_finished.succeeded
        assert told.operation_finished.reply == f"+OK {call_id}\n"
        assert told.labels == {"team": "blue"}


class TestLabels:
    async def test_they_are_on_every_event_of_a_call(self, phone: Phone, client: RawClient) -> None:
        labels = {"team": "blue", "shift": "late"}
        call_id = await phone.answered(over=sip, labels=labels)
        await client.ask(
            "sendevent CUSTOM\nEvent-Subclass: loopback::bowout\n"
            f"Resigning-UUID: {call_id}\nAcquired-UUID: another"
        )
        await phone.tape.where(lambda event: event.subclass == "loopback::bowout")
        await client.ask(f"api sched_hangup +600 {call_id}")
        await phone.hang_up(call_id)
        await phone.tape.where(
            lambda event: event.call_id == call_id and event.name == "CHANNEL_DESTROY"
        )

        own = [event for event in phone.tape.events if event.call_id == call_id]
        assert {event.name for event in own if event.labels != labels} == set()
        assert {"CHANNEL_CREATE", "CUSTOM", "BACKGROUND_JOB", "ADD_SCHEDULE", "CHANNEL_HANGUP"} <= {
            event.name for event in own
        }
