// Package following brings events one by one for as long as one likes, whatever
// breaks on the way: the rules of docs/events.md, but for those of snapshots.
package following

import (
	"context"
	"errors"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/service"
)

// Item is an event or a gap; the other one is nil. After a gap, what was built
// from events must be read anew.
type Item struct {
	Event *pb.Event
	Gap   *pb.Gap
}

// Events are what the request asks for, in order and none of them twice, until the context ends.
// The only error is what the service would say again, and ends it; each stream that
// broke before is told to onBreak.
func Events(ctx context.Context, request *pb.EventsRequest, onBreak func(error)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		f := follower{request: request, onBreak: onBreak, yield: yield}
		f.follow(ctx)
	}
}

type follower struct {
	request *pb.EventsRequest
	onBreak func(error)
	yield   func(Item, error) bool
	recent  service.RecentIDs
	pauses  service.Pauses
	// The newest token that came.
	token string
	// A stream was in place, so what is missing from now on is missed.
	hasBegun bool
	// To be told when the next stream is in place: what is read anew before
	// would lack what happens until then.
	hole *pb.Gap
}

type stream = service.Stream[*pb.EventsResponse]

var errStopped = errors.New("nobody listens any more")

func (f *follower) follow(ctx context.Context) {
	for {
		err := f.read(ctx)
		switch {
		case errors.Is(err, errStopped) || ctx.Err() != nil:
			return
		case status.Code(err) == codes.OutOfRange && f.hasPlace():
			f.token, f.request.Start = "", nil
			f.hole = &pb.Gap{Reason: pb.Gap_REASON_HISTORY_EXPIRED}
			continue
		case isHopeless(err):
			f.yield(Item{}, err)
			return
		}
		f.onBreak(err)
		if f.hasBegun && !f.hasPlace() && f.hole == nil {
			f.hole = &pb.Gap{}
		}
		f.pauses.Wait(ctx, err)
	}
}

// read reads one stream to its end, and those that it is told to move to.
func (f *follower) read(ctx context.Context) error {
	current, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() { current.Close() }()
	f.pauses.Opened()
	for {
		message, err := current.Read()
		if err != nil {
			return err
		}
		if started := message.GetStarted(); started != nil {
			f.hasBegun = true
			current.Expect(started.GetHeartbeatInterval().AsDuration())
		}
		if !f.tell(message) {
			return errStopped
		}
		if token := message.GetResumeToken(); token != "" {
			f.token = token
		}
		if message.GetGoingAway() == nil || f.token == "" {
			continue
		}
		if next := f.next(ctx); next != nil {
			current.Close()
			current = next
			f.pauses.Opened()
		}
	}
}

func (f *follower) open(ctx context.Context) (*stream, error) {
	if f.token != "" {
		f.request.Start = &pb.StartPosition{
			Position: &pb.StartPosition_ResumeToken{ResumeToken: f.token},
		}
	}
	return service.Open(ctx, f.ask)
}

func (f *follower) ask(ctx context.Context, to *grpc.ClientConn) (func() (*pb.EventsResponse, error), error) {
	events, err := pb.NewEventServiceClient(to).Events(ctx, f.request)
	if err != nil {
		return nil, err
	}
	return events.Recv, nil
}

// next is the stream to move to, in place, or nil: the present one is then read to its end.
func (f *follower) next(ctx context.Context) *stream {
	next, err := f.open(ctx)
	if err != nil {
		return nil
	}
	if !next.IsInPlace() {
		next.Close()
		return nil
	}
	return next
}

// tell passes on what is new; false when nobody listens any more.
func (f *follower) tell(message *pb.EventsResponse) bool {
	if hole := f.hole; hole != nil && message.GetStarted() != nil {
		f.hole = nil
		if !f.yield(Item{Gap: hole}, nil) {
			return false
		}
	}
	for _, event := range message.GetEvents() {
		if f.recent.IsNew(event.GetEventId()) && !f.yield(Item{Event: event}, nil) {
			return false
		}
	}
	gap := message.GetGap()
	return gap == nil || f.yield(Item{Gap: gap}, nil)
}

// hasPlace says whether the next stream goes on somewhere, and does not begin now.
func (f *follower) hasPlace() bool {
	return f.token != "" || f.request.GetStart() != nil
}

// isHopeless says whether the same request would meet the same again. Anything else may
// pass: a proxy that cuts a stream makes it INTERNAL or UNKNOWN as well as UNAVAILABLE.
func isHopeless(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.Unauthenticated,
		codes.PermissionDenied, codes.Unimplemented, codes.OutOfRange:
		return true
	}
	return false
}
