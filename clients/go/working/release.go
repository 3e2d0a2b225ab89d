package working

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/service"
)

// A larger message, with what is around it, would end the stream of all calls.
const mostBytes = 255 << 10

// giving is how the worker wants to be rid of a call; for the worker alone, but for what is told.
type giving struct {
	destination *pb.Destination
	// How often it was said since the call was assigned last, each of which is answered.
	unanswered int
	// Closed when it is refused.
	told    chan struct{}
	refusal error
}

// Release gives the call back: to the dialplan, or to a destination. It returns once the call is
// not this worker's any more; or with the error of a refused request where no call can go there: it
// is the worker's as before then.
func (c *Call) Release(destination *pb.Destination) error {
	if size := proto.Size(destination) + len(c.ID); size > mostBytes {
		return status.Errorf(codes.ResourceExhausted, "a release of %d bytes is too large to be said", size)
	}
	giving := c.release(c, destination)
	select {
	case <-c.Context.Done():
		return nil
	case <-giving.told:
		return giving.refusal
	}
}

// release has a call given back, in place of where it was to go before.
func (w *Worker) release(call *Call, destination *pb.Destination) *giving {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if call.giving == nil {
		call.giving = &giving{told: make(chan struct{})}
	}
	call.giving.destination = destination
	// Of one that is not assigned yet the service would say that it is not the worker's.
	isInPlace := w.line != nil && !w.calls.asked[call.ID]
	if isInPlace && call.Context.Err() == nil {
		w.sayRelease(call)
	}
	return call.giving
}

// sayRelease is lost where there is no stream, and said again once the call is assigned again.
func (w *Worker) sayRelease(call *Call) {
	call.giving.unanswered++
	release := &pb.ReleaseCall{CallId: call.ID, Destination: call.giving.destination}
	w.say(&pb.HandleCallsRequest{Message: &pb.HandleCallsRequest_Release{Release: release}})
}

// refuse tells that a call cannot go there, unless it was given back once more since.
func (c *calls) refuse(refused *pb.ReleaseRefused) {
	call := c.owned[refused.GetCallId()]
	if call == nil || call.giving == nil || call.giving.unanswered == 0 {
		return
	}
	giving := call.giving
	if giving.unanswered--; giving.unanswered == 0 {
		call.giving = nil
		giving.refusal = service.Refusal(refused)
		close(giving.told)
	}
}
