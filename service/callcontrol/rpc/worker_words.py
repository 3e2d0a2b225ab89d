"""What a worker says once it is registered, done at the desk and written down."""

from collections.abc import Callable

from callcontrol.calls.offers.ports import Desk
from callcontrol.errors import CommandNotAllowed, InvalidRequest, Violation
from callcontrol.ids import CallId, OfferId, WorkerId
from callcontrol.rpc import audit
from callcontrol.rpc.failure import Failure
from callcontrol.rpc.status import failure_of
from callcontrol.rpc.worker_request import read_destination_of, released_call, require_offer_id
from callcontrol.v1 import call_handling_service_pb2 as pb

_KINDS = "accept, reject, release, update_capacity or drain"


class WorkerWords:
    """Does what one worker says. `call_of` gives the call of an offer that is out to it, where that
    is known: for the audit record. One that is answered is taken out of it.
    """

    def __init__(
        self,
        desk: Desk,
        worker_id: WorkerId,
        teller: audit.Teller,
        refuse_release: Callable[[CallId, Failure], None],
    ) -> None:
        """`refuse_release` is told of calls that cannot go where they are released to."""
        self._desk, self._worker_id, self._teller = desk, worker_id, teller
        self._refuse_release = refuse_release

    def hear(self, message: pb.HandleCallsRequest, call_of: dict[OfferId, CallId]) -> None:
        """Do what it says. Raises InvalidRequest for what is malformed."""
        kind = message.WhichOneof("message")
        match kind:
            case "accept":
                self._accept(message.accept, call_of)
            case "reject":
                self._reject(message.reject, call_of)
            case "release":
                self._release(message.release)
            case "update_capacity":
                self._update(message.update_capacity)
            case "drain":
                self.drain()
            case "register_worker":
                raise InvalidRequest([Violation(kind, "may only be the first message")])
            case _:
                raise InvalidRequest([Violation("message", f"must be {_KINDS}")])

    def drain(self) -> None:
        """It wants no more offers."""
        self._desk.drain_worker(self._worker_id)
        audit.record_worker(self._teller, "drain")

    def _accept(self, accept: pb.AcceptCall, call_of: dict[OfferId, CallId]) -> None:
        require_offer_id("accept", accept.offer_id)
        offer_id = OfferId(accept.offer_id)
        call_id = call_of.pop(offer_id, "")
        done = self._desk.accept(self._worker_id, offer_id)
        audit.record_worker(self._teller, "accept", offer_id=offer_id, call_id=call_id, done=done)

    def _reject(self, reject: pb.RejectCall, call_of: dict[OfferId, CallId]) -> None:
        require_offer_id("reject", reject.offer_id)
        offer_id = OfferId(reject.offer_id)
        call_id = call_of.pop(offer_id, "")
        done = self._desk.reject(self._worker_id, offer_id, final=reject.final)
        said = "reject final" if reject.final else "reject"
        audit.record_worker(self._teller, said, offer_id=offer_id, call_id=call_id, done=done)

    def _release(self, release: pb.ReleaseCall) -> None:
        call_id, failure = released_call(release), None
        if not self._desk.owns(self._worker_id, call_id):
            done = self._desk.release(self._worker_id, call_id, None)  # which says so
        else:
            failure = self._refusal(call_id, release)
            done = failure is None
        audit.record_worker(
            self._teller, "release", call_id=call_id, done=done, request=release, failure=failure
        )

    def _refusal(self, call_id: CallId, release: pb.ReleaseCall) -> Failure | None:
        """Release a call that is the worker's; why not, where it cannot go there."""
        try:
            self._desk.release(self._worker_id, call_id, read_destination_of(release))
        except InvalidRequest as refused:
            bad = [Violation(f"release.{each.field}", each.problem) for each in refused.violations]
            failure = failure_of(InvalidRequest(bad))
        except CommandNotAllowed as refused:
            failure = failure_of(refused)
        else:
            return None
        self._refuse_release(call_id, failure)
        return failure

    def _update(self, update: pb.UpdateCapacity) -> None:
        if update.available < 0:
            raise InvalidRequest([Violation("update_capacity.available", "must not be negative")])
        self._desk.update_capacity(self._worker_id, update.available)
