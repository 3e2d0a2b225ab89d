"""Events that are not about the life of a call, header by header, on the wire of a live switch."""

from collections.abc import AsyncIterator, Mapping

import pytest
from tests.contract.phone import Phone, new_id
from tests.contract.raw_client import RawClient
from tests.contract.sip_world import DOMAIN, Telephone, answering_pings, telephone
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.simulator.words import words

CORE = words("""Event-Name Core-UUID FreeSWITCH-Hostname FreeSWITCH-Switchname FreeSWITCH-IPv4
FreeSWITCH-IPv6 Event-Date-Local Event-Date-GMT Event-Date-Timestamp Event-Calling-File
Event-Calling-Function Event-Calling-Line-Number Event-Sequence""")


@pytest.fixture
async def client(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    """A bare client that is told everything."""
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        await client.ask("event json ALL")
        yield client


def own_headers(event: Mapping[str, str]) -> dict[str, str]:
    """What the event has beside the headers that every event has, in its order."""
    names = [name for name in event if name != "Event-Subclass"]
    assert tuple(names[: len(CORE)]) == CORE
    assert next(iter(event)) == ("Event-Subclass" if "Event-Subclass" in event else "Event-Name")
    return {name: event[name] for name in names[len(CORE) :]}


def place(own: Telephone) -> list[tuple[str, str]]:
    return [("network-ip", own.host), ("network-port", str(own.port))]


def varying(headers: Mapping[str, str], *names: str) -> list[tuple[str, str]]:
    """All headers in order, without the values of some that differ each time."""
    return [(name, "" if name in names else value) for name, value in headers.items()]


async def test_a_registration(client: RawClient, switch: SwitchUnderTest) -> None:
    with telephone(switch) as own:
        await own.register()
        told = own_headers(await client.event(Event_Subclass="sofia::register"))

    assert varying(told, "call-id", "user-agent") == [
        ("profile-name", "internal"),
        ("from-user", own.user),
        ("from-host", DOMAIN),
        ("presence-hosts", "n/a"),
        ("contact", own.contact),
        ("call-id", ""),
        ("rpid", "unknown"),
        ("status", "Registered(UDP)"),
        ("expires", "60"),
        ("to-user", own.user),
        ("to-host", DOMAIN),
        *place(own),
        ("username", "unknown"),
        ("realm", DOMAIN),
        ("user-agent", ""),
    ]


async def test_a_telephone_that_leaves(client: RawClient, switch: SwitchUnderTest) -> None:
    with telephone(switch) as own:
        await own.register()
        await own.register(0)
        told = own_headers(await client.event(Event_Subclass="sofia::unregister"))

    assert varying(told, "call-id", "user-agent") == [
        ("profile-name", "internal"),
        ("username", "unknown"),
        ("from-user", own.user),
        ("from-host", DOMAIN),
        ("contact", own.contact),
        ("call-id", ""),
        ("rpid", "unknown"),
        ("realm", "unknown"),
        *place(own),
        ("user-agent", ""),
        ("expires", "0"),
    ]


async def test_a_registration_that_is_removed(client: RawClient, switch: SwitchUnderTest) -> None:
    with telephone(switch) as own:
        await own.register()
        await client.ask(f"api sofia profile internal flush_inbound_reg {own.address}")
        told = own_headers(await client.event(Event_Subclass="sofia::expire"))

    assert varying(told, "call-id", "expires", "user-agent") == [
        ("profile-name", "internal"),
        ("call-id", ""),
        ("user", own.user),
        ("username", own.user),
        ("host", DOMAIN),
        ("contact", own.contact),
        ("expires", ""),
        ("user-agent", ""),
        ("realm", DOMAIN),
        *place(own),
    ]


async def test_a_gateway_that_cannot_register(client: RawClient) -> None:
    await client.ask("api sofia profile internal register fallen")
    told = await client.event(Gateway="fallen", State="FAILED")

    assert list(own_headers(told).items()) == [
        ("Gateway", "fallen"),
        ("State", "FAILED"),
        ("Ping-Status", "DOWN"),
        ("Phrase", "Service Unavailable"),
        ("Status", "503"),
    ]


async def test_a_gateway_that_answers_pings(client: RawClient, switch: SwitchUnderTest) -> None:
    async with answering_pings(switch):
        told = await client.event(Gateway="pinged", Ping_Status="UP")

    assert list(own_headers(told).items()) == [
        ("Gateway", "pinged"),
        ("State", "NOREG"),
        ("Ping-Status", "UP"),
        ("Phrase", "OK"),
        ("Status", "200"),
    ]


async def test_gateways_that_come_and_go(client: RawClient) -> None:
    unknown = "api sofia profile internal killgw nobody"
    assert await client.ask(unknown) == "-ERR no such gateway.\n"
    kill = "api sofia profile internal killgw pinged"
    assert await client.ask(kill) == "+OK gateway marked for deletion.\n"
    gone = own_headers(await client.event(Event_Subclass="sofia::gateway_delete"))
    rescan = "api sofia profile internal rescan"
    assert await client.ask(rescan) == "Reload XML [Success]\n+OK scan complete\n"
    came = own_headers(await client.event(Event_Subclass="sofia::gateway_add"))

    assert list(gone.items()) == [("profile-name", "internal"), ("Gateway", "pinged")]
    assert list(came.items()) == [("Gateway", "pinged"), ("profile-name", "internal")]


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("profile nowhere rescan", "Invalid Profile [nowhere]"),
        ("profile internal", "Invalid Args!\n"),
        ("profile internal nonsense", "-ERR Unknown command!\n"),
        ("profile internal register nobody", "Invalid gateway!\n"),
        ("profile internal flush_inbound_reg", "+OK flushing all registrations\n"),
        (
            "profile internal flush_inbound_reg x@y",
            "+OK flushing all registrations matching specified call_id\n",
        ),
    ],
)
async def test_what_sofia_answers(client: RawClient, command: str, reply: str) -> None:
    assert await client.ask(f"api sofia {command}") == reply


async def test_a_task_of_the_scheduler(client: RawClient, phone: Phone) -> None:
    call_id = await phone.answered()
    await client.ask(f"api sched_hangup +600 {call_id}")
    added = own_headers(await client.event(Event_Name="ADD_SCHEDULE", Task_Group=call_id))
    await client.ask(f"api sched_del {call_id}")
    deleted = own_headers(await client.event(Event_Name="DEL_SCHEDULE", Task_Group=call_id))

    assert varying(added, "Task-ID", "Task-Runtime") == [
        ("Task-ID", ""),
        ("Task-Desc", "switch_ivr_schedule_hangup"),
        ("Task-Group", call_id),
        ("Task-Runtime", ""),
    ]
    assert added == deleted


async def test_a_tone_is_told_by_its_detector_and_again_by_the_leg(
    client: RawClient, phone: Phone
) -> None:
    listening = await phone.answered()
    playing = await phone.other_half(listening)
    tone = f"t{new_id()[:8]}"
    await client.ask(
        f"sendmsg {listening}\ncall-command: execute\nexecute-app-name: tone_detect\n"
        f"execute-app-arg: {tone} 440 r"
    )
    await client.ask(f"api uuid_broadcast {playing} tone_stream://%(4000,0,440) aleg")
    first = await client.event(Detected_Tone=tone)
    second = await client.event(Detected_Tone=tone)

    assert own_headers(first) == {"Detected-Tone": tone}
    assert second["Event-Sequence"] == first["Event-Sequence"]
    again = own_headers(second)
    assert list(again)[:2] == ["Detected-Tone", "Channel-State"]
    assert again["Unique-ID"] == listening
    assert not [name for name in again if name.startswith("variable_")]
