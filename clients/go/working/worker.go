// Package working takes calls from the dialplan for a program, with a goroutine for each: the rules
// of docs/outbound.md for a worker.
package working

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/service"
)

// Beyond the resume window, until a call that did not come back is given up.
const awaited = time.Second

// Program is what a worker is made for.
type Program struct {
	// Handle looks after a call, and returns once it is over, or with the failure of a request. A
	// call that goes on then is given back to the dialplan.
	Handle func(*Call) error
	// Tell says a line, about a call or about none.
	Tell func(call *Call, line string)
	// OnBreak is told of each stream that broke; another one is opened.
	OnBreak func(error)
}

// Worker serves applications until it has drained.
type Worker struct {
	Program
	registration *pb.RegisterWorker
	context      context.Context
	finish       context.CancelFunc
	// Of the newest message that was dealt with.
	token  string
	pauses service.Pauses

	mutex  sync.Mutex // for all below
	calls  *calls
	losing *time.Timer
	// By which it is registered now, if it is.
	line                      *line
	wasRegistered, isDraining bool
}

// New makes a worker that registers so, again with each stream.
func New(registration *pb.RegisterWorker, program Program) *Worker {
	w := &Worker{Program: program, registration: registration}
	w.context, w.finish = context.WithCancel(context.Background())
	w.calls = newCalls(w.begin)
	return w
}

// line is a stream, both ways.
type line struct {
	*service.Stream[*pb.HandleCallsResponse]
	send func(*pb.HandleCallsRequest) error
	// Calls are taken over without a place in their events to go on from.
	hasHole bool
	// Those calls.
	asked []string
}

// Run works until the worker has drained. The only failure is what the service would say again.
func (w *Worker) Run() error {
	for {
		err := w.read()
		wasRegistered := w.leave()
		switch {
		case w.context.Err() != nil:
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.calls.leave()
			return nil
		case w.token != "" && service.Reason(err) == "RESUME_TOKEN_INVALID":
			w.token = "" // another replica's, without a key that they share
		case !wasRegistered && isHopeless(err):
			return err
		}
		w.OnBreak(err)
		w.pauses.Wait(w.context, err)
	}
}

// Drain takes no more calls, and ends when those that there are have ended, or after the grace.
func (w *Worker) Drain(grace time.Duration) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isDraining = true
	w.Tell(nil, "draining")
	w.say(drain)
	time.AfterFunc(grace, w.finish)
	w.finishIfIdle()
}

var drain = &pb.HandleCallsRequest{
	Message: &pb.HandleCallsRequest_Drain{Drain: &pb.DrainWorker{}},
}

// finishIfIdle: a stream that is up is ended by the service once the worker has drained.
func (w *Worker) finishIfIdle() {
	if w.isDraining && w.line == nil && w.calls.isEmpty() {
		w.finish()
	}
}

// leave says nothing more by a stream, and whether the worker was registered there.
func (w *Worker) leave() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	wasRegistered := w.line != nil
	w.line = nil
	w.finishIfIdle()
	return wasRegistered
}

// say tells the service; lost where there is no stream, so what matters is said again.
func (w *Worker) say(message *pb.HandleCallsRequest) {
	if w.line != nil {
		w.line.send(message) // where it fails, a read tells why
	}
}

// read reads one stream to its end, and those that it is told to move to.
func (w *Worker) read() error {
	current, err := w.open()
	if err != nil {
		return err
	}
	defer func() { current.Close() }()
	w.pauses.Opened()
	for {
		message, err := current.Read()
		if err != nil {
			return err
		}
		w.take(current, message)
		if token := message.GetResumeToken(); token != "" {
			w.token = token
		}
		if message.GetDrain() == nil {
			continue
		}
		if next, err := w.open(); err == nil && next.IsInPlace() {
			current.Close()
			current = next
			w.pauses.Opened()
		} else if err == nil {
			next.Close() // the present one is read to its end
		}
	}
}

func (w *Worker) open() (*line, error) {
	w.mutex.Lock()
	opened := &line{asked: w.calls.toResume()}
	w.mutex.Unlock()
	opened.hasHole = len(opened.asked) > 0 && w.token == ""
	w.registration.ResumeCallIds, w.registration.ResumeToken = opened.asked, w.token
	stream, err := service.Open(w.context, opened.register(w.registration), service.AnyReplica)
	opened.Stream = stream
	return opened, err
}

func (l *line) register(registration *pb.RegisterWorker) service.Asking[*pb.HandleCallsResponse] {
	message := &pb.HandleCallsRequest_RegisterWorker{RegisterWorker: registration}
	return func(ctx context.Context, connection *grpc.ClientConn) (func() (*pb.HandleCallsResponse, error), error) {
		stream, err := pb.NewCallHandlingServiceClient(connection).HandleCalls(ctx)
		if err != nil {
			return nil, err
		}
		l.send = stream.Send
		l.send(&pb.HandleCallsRequest{Message: message}) // where it fails, a read tells why
		return stream.Recv, nil
	}
}

func (w *Worker) take(from *line, message *pb.HandleCallsResponse) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	switch message := message.GetMessage().(type) {
	case *pb.HandleCallsResponse_Registered:
		w.takeRegistration(from, message.Registered)
	case *pb.HandleCallsResponse_Offer:
		w.answer(message.Offer)
	case *pb.HandleCallsResponse_Withdraw:
		w.calls.withdraw(message.Withdraw.GetOfferId())
	case *pb.HandleCallsResponse_Assigned:
		if call := w.calls.assign(message.Assigned); call.giving != nil {
			w.sayRelease(call)
		}
	case *pb.HandleCallsResponse_Events:
		for _, event := range message.Events.GetEvents() {
			w.calls.take(event)
		}
	case *pb.HandleCallsResponse_Released:
		w.calls.release(message.Released)
	case *pb.HandleCallsResponse_ReleaseRefused:
		w.calls.refuse(message.ReleaseRefused)
	case *pb.HandleCallsResponse_Gap:
		w.calls.takeGap()
	}
}

func (w *Worker) takeRegistration(from *line, registered *pb.WorkerRegistered) {
	from.Expect(registered.GetHeartbeatInterval().AsDuration())
	w.line = from
	w.calls.ask(from.asked)
	if w.losing != nil {
		w.losing.Stop()
	}
	w.losing = time.AfterFunc(registered.GetResumeWindow().AsDuration()+awaited, w.lose)
	if w.wasRegistered {
		w.Tell(nil, "back")
	} else {
		w.Tell(nil, "ready")
	}
	w.wasRegistered = true
	if w.isDraining {
		w.say(drain)
	}
	if from.hasHole {
		w.calls.takeGap()
	}
}

func (w *Worker) lose() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.calls.lose()
	w.finishIfIdle()
}

func (w *Worker) answer(offer *pb.OfferCall) {
	if w.isDraining {
		reject := &pb.RejectCall{OfferId: offer.GetOfferId()}
		w.say(&pb.HandleCallsRequest{Message: &pb.HandleCallsRequest_Reject{Reject: reject}})
		return
	}
	w.calls.accepted[offer.GetOfferId()] = offer
	accept := &pb.AcceptCall{OfferId: offer.GetOfferId()}
	w.say(&pb.HandleCallsRequest{Message: &pb.HandleCallsRequest_Accept{Accept: accept}})
}

func (w *Worker) begin(id, application string) *Call {
	call := newCall(id, application, w.Tell, w.release)
	call.Tell("call for " + application)
	go w.look(call)
	return call
}

// look has the call looked after, and gives it back where that fails or leaves it.
func (w *Worker) look(call *Call) {
	err := w.Handle(call)
	if call.Context.Err() != nil {
		return
	}
	if err != nil {
		call.Tell("failed: " + service.CodeName(err))
	}
	w.release(call, nil)
}

// isHopeless says whether the same registration would meet the same again.
func isHopeless(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return true
	}
	return false
}
