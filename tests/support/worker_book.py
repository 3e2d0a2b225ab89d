"""The books of a worker, with calls to which nothing is done."""

from collections.abc import Coroutine

from callcontrol.client.active_call import ActiveCall
from callcontrol.client.call_life import CallLife
from callcontrol.client.client import Client
from callcontrol.client.worker_calls import OwnedCall, WorkerCalls
from callcontrol.v1.call_pb2 import Call, Destination


class NoOwner:
    """For calls to which nothing is done."""

    command_timeout_s = 1.0

    @property
    def client(self) -> Client:
        raise AssertionError

    def release(self, call_id: str, destination: Destination | None) -> None:
        raise AssertionError

    def send_off(self, command: Coroutine[object, object, None], name: str) -> None:
        raise AssertionError


class Book(WorkerCalls):
    """Remembers every call that began."""

    def __init__(self) -> None:
        super().__init__(self.note, remembered_ids=100)
        self.begun: list[OwnedCall] = []

    def note(self, application: str, leg: Call) -> OwnedCall:
        life = CallLife(leg.call_id)
        self.begun.append(OwnedCall(ActiveCall(NoOwner(), life, application, leg), life))
        return self.begun[-1]
