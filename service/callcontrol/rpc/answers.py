"""An answer as it is sent: its bytes, which have a limit, and the mark of one that is replayed."""

from typing import Final

from google.protobuf.message import Message

from callcontrol.errors import AnswerTooLarge
from callcontrol.rpc.methods import Method
from callcontrol.v1 import common_pb2

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Of one encoded message: clients of gRPC receive no more, unless they are told to."""

_ROOM_FOR_A_MARK: Final = 64


def encoded(response: Message) -> bytes:
    """The response as it is sent. Raises AnswerTooLarge: gRPC would say so in words of its own,
    and after the audit record.
    """
    answer = response.SerializeToString()
    limit = MAX_RESPONSE_BYTES - _ROOM_FOR_A_MARK
    if len(answer) > limit:
        raise AnswerTooLarge(len(answer), limit)
    return answer


def marked_as_replayed(method: Method, answer: bytes) -> bytes:
    """The answer with `status.replayed` set: encoded messages are merged by joining them."""
    if not method.tells_status:
        return answer
    mark = method.response_type(status=common_pb2.CommandStatus(replayed=True))
    return answer + mark.SerializeToString()
