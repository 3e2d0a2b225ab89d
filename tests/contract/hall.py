"""What the contract tests of conferences speak with: a stub, legs that wait, and rooms to bring
them into.
"""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from google.protobuf.message import Message
from tests.contract.phone import DEADLINE_S, Phone, reason_of

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2, event_pb2
from callcontrol.v1 import conference_service_pb2 as pb
from callcontrol.v1.conference_service_pb2_grpc import ConferenceServiceStub

if TYPE_CHECKING:  # these stubs exist for the type checker only
    from callcontrol.v1.conference_service_pb2_grpc import ConferenceServiceAsyncStub

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED


@dataclass
class Hall:
    """A room of a name of its own, and what can be done to it."""

    phone: Phone
    stub: "ConferenceServiceAsyncStub"
    name: str = field(default_factory=lambda: f"room-{uuid.uuid4().hex[:8]}")

    async def ask(self, method: str, request: Message) -> Message:
        """One RPC, by its name."""
        answer: Message = await getattr(self.stub, method)(request, timeout=DEADLINE_S)
        return answer

    async def get(self) -> pb.Conference:
        request = pb.GetConferenceRequest(name=self.name)
        return (await self.stub.GetConference(request, timeout=DEADLINE_S)).conference

    async def add(self, *call_ids: str, **joining: object) -> pb.AddMembersResponse:
        """Bring legs in."""
        conference = call_pb2.JoinConference(name=self.name, **joining)  # type: ignore[arg-type]  # test sugar
        request = pb.AddMembersRequest(conference=conference, call_ids=call_ids)
        return await self.stub.AddMembers(request, timeout=DEADLINE_S)

    async def filled(self, count: int, **joining: object) -> list[pb.Member]:
        """So many outbound legs, which have come in."""
        call_ids = [await self.phone.answered() for _ in range(count)]
        response = await self.add(*call_ids, **joining)
        assert response.status.confirmation == CONFIRMED
        return sorted(response.members, key=lambda member: member.member_id)

    async def inbound(self) -> str:
        """An inbound leg that waits in the dialplan, and whose end ends another."""
        return await self.phone.other_half(await self.phone.answered())

    async def update(self, selector: pb.MemberSelector, **change: object) -> list[int]:
        """Change members; give the numbers of those who are as was asked."""
        request = pb.UpdateMembersRequest(name=self.name, members=selector, **change)  # type: ignore[arg-type]  # test sugar
        response = await self.stub.UpdateMembers(request, timeout=DEADLINE_S)
        assert response.status.confirmation == CONFIRMED
        return sorted(response.member_ids)

    async def changed(
        self,
        action: str,
        where: Callable[[event_pb2.ConferenceChanged], bool] = lambda _: True,
        *,
        name: str = "",
    ) -> event_pb2.Event:
        """The first event of the room with this action that `where` holds for."""

        def right(event: event_pb2.Event) -> bool:
            told = event.conference_changed
            return (told.conference_name, told.action) == (name or self.name, action) and where(
                told
            )

        return await self.phone.tape.event("conference_changed", where=right)

    def actions(self, *left_out: str) -> list[str]:
        """What the tape has of the room, in order; the floor comes and goes when it will."""
        told = [event.conference_changed for event in self.phone.tape.events]
        here = [each.action for each in told if each.conference_name == self.name]
        return [each for each in here if each not in ("floor-change", *left_out)]


@asynccontextmanager
async def hall_of(phone: Phone) -> AsyncIterator[Hall]:
    """A room, and afterwards the end of all that is in it."""
    hall = Hall(phone, ConferenceServiceStub(phone.channel))
    try:
        yield hall
    finally:
        created = [
            e.call_id for e in phone.tape.events if e.WhichOneof("payload") == "call_created"
        ]
        for call_id in created:
            with suppress(grpc.aio.AioRpcError):  # one that has been over for long is forgotten
                await phone.calls.Hangup(calls_pb2.HangupRequest(call_id=call_id))


def everybody() -> pb.MemberSelector:
    return pb.MemberSelector(all=True)


def by_id(*member_ids: int) -> pb.MemberSelector:
    return pb.MemberSelector(ids=pb.MemberIds(values=member_ids))


def by_call(*call_ids: str) -> pb.MemberSelector:
    return pb.MemberSelector(call_ids=pb.CallIds(values=call_ids))


async def refused(hall: Hall, method: str, request: Message) -> grpc.aio.AioRpcError:
    """The error of an RPC that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await hall.ask(method, request)
    reason_of(error.value)
    return error.value
