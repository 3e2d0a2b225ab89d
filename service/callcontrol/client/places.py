"""Short words for whom to call, where a call goes and what is played."""

from typing import Final

from callcontrol.v1 import call_pb2, common_pb2

ENDPOINT_WORDS: Final = (
    "user/ID[@DOMAIN], gateway/NAME/NUMBER, sofia/PROFILE/USER@HOST or loopback/EXTENSION[/CONTEXT]"
)
DESTINATION_WORDS: Final = "park, conference/NAME, worker/APPLICATION or EXTENSION[@CONTEXT]"

_TONE: Final = "tone_stream://"


def endpoint(words: str) -> call_pb2.Endpoint:
    """Whom to call, one of ENDPOINT_WORDS. Raises ValueError."""
    kind, _, rest = words.partition("/")
    first, slash, second = rest.partition("/")
    match kind:
        case "user" if rest and not slash:
            user, _, domain = rest.partition("@")
            return call_pb2.Endpoint(user=call_pb2.User(id=user, domain=domain))
        case "gateway" if first and second:
            gateway = call_pb2.GatewayNumber(gateway=first, number=second)
            return call_pb2.Endpoint(gateway=gateway)
        case "sofia" if first and second:
            return call_pb2.Endpoint(sip=call_pb2.SipAddress(profile=first, address=second))
        case "loopback" if first:
            loopback = call_pb2.Loopback(extension=first, context=second)
            return call_pb2.Endpoint(loopback=loopback)
        case _:
            raise ValueError(f"{words!r} is not one of {ENDPOINT_WORDS}")


def destination(words: str) -> call_pb2.Destination:
    """Where a call goes, one of DESTINATION_WORDS. Raises ValueError."""
    if words == "park":
        return call_pb2.Destination(park=call_pb2.Park())
    kind, slash, name = words.partition("/")
    if slash and kind == "conference" and name:
        return call_pb2.Destination(conference=call_pb2.JoinConference(name=name))
    if slash and kind == "worker" and name:
        return call_pb2.Destination(worker=call_pb2.WorkerApplication(name=name))
    extension, _, context = words.partition("@")
    if slash or not extension:
        raise ValueError(f"{words!r} is not one of {DESTINATION_WORDS}")
    place = call_pb2.DialplanExtension(extension=extension, context=context)
    return call_pb2.Destination(extension=place)


def media(words: str) -> common_pb2.MediaSource:
    """What is played: `tone_stream://` and a tone as the switch writes it, or the URI of a file."""
    if words.startswith(_TONE):
        return common_pb2.MediaSource(tone_stream=words.removeprefix(_TONE))
    return common_pb2.MediaSource(uri=words)
