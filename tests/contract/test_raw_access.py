"""What an operator lists may be run as it is, and nothing else."""

import asyncio
from collections.abc import Mapping

import grpc
import pytest
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    new_id,
    reason_of,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb2
from callcontrol.v1.node_service_pb2_grpc import AdminServiceStub

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED
NODE = "switch"


@pytest.fixture
def service_settings() -> Mapping[str, object]:
    return {
        "raw_apis": [
            "status",
            "show (calls|channels) count",
            "global_getvar [a-z_]+",
            "originate null/x &park",
            "bgapi .*",
            "xml_wrap .*",
            "no_such_command",
            "echo .*",
        ],
        "raw_applications": [
            "set contract_.*",
            "sleep [0-9]+",
            "no_such_thing",
            "playback (silence|tone)_stream://.*",
        ],
    }


async def api(
    phone: Phone, command: str, arguments: str = "", **fields: object
) -> nodes_pb2.ExecuteApiResponse:
    request = nodes_pb2.ExecuteApiRequest(node_id=NODE, command=command, arguments=arguments)
    request.MergeFrom(nodes_pb2.ExecuteApiRequest(**fields))  # type: ignore[arg-type]  # test sugar
    response: nodes_pb2.ExecuteApiResponse = await AdminServiceStub(phone.channel).ExecuteApi(
        request, timeout=DEADLINE_S
    )
    return response


async def run(
    phone: Phone, call_id: str, name: str, data: str = "", **fields: object
) -> calls_pb2.ExecuteApplicationResponse:
    request = calls_pb2.ExecuteApplicationRequest(
        call_id=call_id, application=call_pb2.Application(name=name, data=data)
    )
    request.MergeFrom(calls_pb2.ExecuteApplicationRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.ExecuteApplication(request, timeout=DEADLINE_S)


async def test_a_command_that_answers_at_once_gives_its_reply(phone: Phone) -> None:
    answer = await api(phone, "status")
    counted = await api(phone, "show", "channels count")
    assert answer.body.startswith("UP ")
    assert (answer.job_id, answer.status.confirmation) == ("", ACCEPTED)
    assert counted.body.endswith(" total.\n")


async def test_in_the_background_the_same_reply_comes_with_the_id_of_the_job(phone: Phone) -> None:
    at_once = await api(phone, "show", "calls count")
    later = await api(phone, "show", "calls count", background=True)
    assert later.body == at_once.body
    assert later.job_id


async def test_what_may_block_runs_in_the_background_unasked(phone: Phone) -> None:
    placed = await api(phone, "originate", "null/x &park")
    assert placed.body.startswith("+OK ")
    assert placed.job_id
    call_id = placed.body.removeprefix("+OK ").strip()
    await phone.tape.event("call_created", call_id)
    await phone.hang_up(call_id)


async def test_that_the_switch_refused_is_in_the_body(phone: Phone) -> None:
    missing = await api(phone, "global_getvar", "no_such_variable_at_all")
    unknown = await api(phone, "no_such_command")
    assert missing.body == "-ERR no reply\n"
    assert unknown.body == "-ERR no_such_command Command not found!\n"


async def test_awkward_arguments_arrive_as_they_are(phone: Phone) -> None:
    for arguments in ['it\'s "x" \\ y', "a  b", "%41 $1 ; | , ^^ {x} [y]", "Grüße ✓"]:
        assert (await api(phone, "echo", arguments)).body == arguments


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("system", "id"),
        ("status", "x"),
        ("show", "registrations"),
        ("bgapi", "system id"),
        ("bgapi", "uuid:x global_setvar a=b"),
        ("xml_wrap", "encoded bgapi global_setvar a=b"),
        ("json", "{}"),
        ("shutdown", ""),
    ],
)
async def test_what_is_not_on_the_list_is_not_run(
    phone: Phone, command: str, arguments: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await api(phone, command, arguments)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(refused.value) == "COMMAND_NOT_ALLOWED"


@pytest.mark.parametrize(
    "arguments",
    [
        "${x}",
        "$'{x}'",
        "a\n\napi system id",
        "a\rb",
        "a\0b",
        " x",
        "x ",
        "^^:a",
        "mod_event_socket",
    ],
)
async def test_an_argument_that_means_more_is_refused(phone: Phone, arguments: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await api(phone, "echo", arguments)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["arguments"]


@pytest.mark.parametrize("node_id", ["", "elsewhere"])
async def test_the_node_must_be_named(phone: Phone, node_id: str) -> None:
    request = nodes_pb2.ExecuteApiRequest(node_id=node_id, command="status")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await AdminServiceStub(phone.channel).ExecuteApi(request, timeout=DEADLINE_S)
    assert refused.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
    )


async def test_a_repeated_request_runs_nothing_twice(phone: Phone) -> None:
    request_id = new_id()
    first = await api(phone, "originate", "null/x &park", request_id=request_id)
    again = await api(phone, "originate", "null/x &park", request_id=request_id)
    assert again.body == first.body
    assert again.status.replayed
    await phone.hang_up(first.body.removeprefix("+OK ").strip())


async def test_an_application_runs_on_a_call(phone: Phone) -> None:
    call_id = await phone.answered()
    told = await run(phone, call_id, "set", "contract_x=it's 1|2,3 %41 \\d")
    event = await phone.tape.event(
        "application_started",
        call_id,
        lambda e: e.application_started.operation_id == told.operation_id,
    )
    read = await phone.calls.GetVariables(
        calls_pb2.GetVariablesRequest(call_id=call_id, names=["contract_x"]), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)
    assert told.status.confirmation == CONFIRMED
    assert event.application_started.application.data == "contract_x=it's 1|2,3 %41 \\d"
    assert read.variables["contract_x"] == "it's 1|2,3 %41 \\d"


async def test_the_end_of_an_application_can_be_waited_for(phone: Phone) -> None:
    call_id = await phone.answered()
    told = await run(phone, call_id, "playback", "silence_stream://300", wait=True)
    await phone.hang_up(call_id)
    assert told.response == "FILE PLAYED"
    assert told.HasField("complete_time")
    assert told.status.confirmation == CONFIRMED


async def test_an_application_in_the_queue_runs_after_the_one_before(phone: Phone) -> None:
    call_id = await phone.answered()
    first = await run(phone, call_id, "sleep", "500", queue=True)
    second = await run(phone, call_id, "set", "contract_after=1", queue=True, wait=True)
    await phone.hang_up(call_id)
    order = [
        (kind, told.operation_id)
        for event in phone.tape.events
        for kind, told in (
            ("application_started", event.application_started),
            ("application_finished", event.application_finished),
        )
        if event.WhichOneof("payload") == kind
    ]
    ended = order.index(("application_finished", first.operation_id))
    assert ended < order.index(("application_started", second.operation_id))


async def test_an_application_runs_inside_of_another_when_it_is_not_queued(phone: Phone) -> None:
    call_id = await phone.answered()
    first = await run(phone, call_id, "playback", "silence_stream://3000")
    second = await run(phone, call_id, "set", "contract_inside=1", wait=True)
    await phone.hang_up(call_id)
    finished = [
        event.application_finished.operation_id
        for event in phone.tape.events
        if event.WhichOneof("payload") == "application_finished"
    ]
    assert first.operation_id not in finished[: finished.index(second.operation_id)]


async def test_an_application_may_run_several_times(phone: Phone) -> None:
    call_id = await phone.answered()
    told = await run(phone, call_id, "playback", "silence_stream://600", loops=2)

    def times() -> int:
        return sum(
            event.application_finished.operation_id == told.operation_id
            for event in phone.tape.events
            if event.WhichOneof("payload") == "application_finished"
        )

    await phone.tape.event("application_finished", call_id, lambda _: times() == 2)
    await phone.hang_up(call_id)
    assert times() == 2


async def test_the_end_of_the_call_is_the_end_of_the_application(phone: Phone) -> None:
    call_id = await phone.answered()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run(phone, call_id, "sleep", "20000", wait=True))
        await ran(phone, call_id, "sleep")
        await phone.hang_up(call_id)
    assert running.result().HasField("complete_time")


async def test_an_application_in_the_queue_of_a_call_that_ends_has_an_end(
    phone: Phone,
) -> None:
    call_id = await phone.answered()
    await run(phone, call_id, "sleep", "20000", queue=True)
    waiting = asyncio.ensure_future(
        run(phone, call_id, "set", "contract_late=1", queue=True, wait=True)
    )
    await ran(phone, call_id, "sleep")
    await phone.hang_up(call_id)
    await asyncio.wait([waiting], timeout=DEADLINE_S)
    failure = waiting.exception()
    if failure is None:
        # The switch may still take what is queued when the hangup has cut off what ran before it;
        # then that is what has to be told.
        await ran(phone, call_id, "set")
    else:
        assert isinstance(failure, grpc.aio.AioRpcError)
        assert failure.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert reason_of(failure) == "CALL_ENDED"


async def ran(phone: Phone, call_id: str, name: str) -> None:
    """An application began."""
    await phone.tape.event(
        "application_started",
        call_id,
        lambda e: e.application_started.application.name == name,
    )


async def test_an_application_that_does_not_exist_ends_the_call(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await run(phone, call_id, "no_such_thing", wait=True)
    over = await phone.tape.event("call_ended", call_id)
    assert reason_of(ended.value) == "CALL_ENDED"
    assert over.call_ended.call.hangup_cause.name == "DESTINATION_OUT_OF_ORDER"


@pytest.mark.parametrize(
    ("name", "data"), [("system", "id"), ("set", "x=1"), ("sleep", "1 2"), ("SLEEP", "x")]
)
async def test_an_application_that_is_not_listed_is_not_run(
    phone: Phone, name: str, data: str
) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await run(phone, call_id, name, data)
    got = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(refused.value) == "COMMAND_NOT_ALLOWED"
    assert got.call.state == State.STATE_PARKED


async def test_what_is_wrong_with_a_request_is_told_by_field(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await run(phone, call_id, "set", "contract_a=${x}", loops=2_000)
    with pytest.raises(grpc.aio.AioRpcError) as impatient:
        await run(phone, call_id, "sleep", "1", loops=2, wait=True)
    with pytest.raises(grpc.aio.AioRpcError) as empty:
        await phone.calls.ExecuteApplication(
            calls_pb2.ExecuteApplicationRequest(call_id=call_id), timeout=DEADLINE_S
        )
    await phone.hang_up(call_id)
    assert violated_fields(refused.value) == ["application.data", "loops"]
    assert violated_fields(impatient.value) == ["loops"]
    assert "application" in violated_fields(empty.value)


async def test_a_call_that_was_never_there_is_not_found(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await run(phone, new_id(), "sleep", "1")
    assert reason_of(missing.value) == "CALL_NOT_FOUND"
