"""Places a call, plays a tone to whoever answers, hangs up: `originate.py PROFILE USER@HOST`."""

import asyncio
import os
import sys
import uuid

import grpc.aio

from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceStub

TARGET = os.environ.get("CALLCONTROL_TARGET", "127.0.0.1:50051")


async def main(profile: str, address: str) -> int:
    """Returns the exit status: 0 if somebody answered."""
    async with grpc.aio.insecure_channel(TARGET) as channel:
        calls = CallControlServiceStub(channel)
        request = pb.OriginateRequest(
            request_id=str(uuid.uuid4()),  # the same id again would not ring a second time
            endpoints=[
                call_pb2.Endpoint(sip=call_pb2.SipAddress(profile=profile, address=address))
            ],
            destination=call_pb2.Destination(park=call_pb2.Park()),
            wait_until=pb.WAIT_UNTIL_ANSWERED,
            hangup_on_cancel=True,  # interrupt this program and the telephone stops ringing
        )
        request.ring_timeout.FromSeconds(30)
        placed = await calls.Originate(request, timeout=40)
        if placed.disposition != pb.DISPOSITION_ANSWERED:
            # Busy, rejected or unanswered is an answer of the service and no error.
            print(pb.Disposition.Name(placed.disposition), placed.hangup_cause.name)
            return 1
        call_id = placed.call.call_id
        print("answered:", call_id)
        tone = common_pb2.MediaSource(tone_stream="%(1000,500,440)")
        await calls.Play(pb.PlayRequest(call_id=call_id, sources=[tone], repeat=2), timeout=10)
        await asyncio.sleep(3)
        await calls.Hangup(pb.HangupRequest(call_id=call_id), timeout=10)
        print("hung up")
        return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: originate.py PROFILE USER@HOST, for example: internal 1000@192.0.2.10")
    try:
        sys.exit(asyncio.run(main(*sys.argv[1:])))
    except grpc.aio.AioRpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
    except KeyboardInterrupt:
        sys.exit(130)
