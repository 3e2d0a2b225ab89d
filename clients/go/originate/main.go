// Places a call, plays a tone to whoever answers, hangs up:
// originate ENDPOINT [--worker APPLICATION] [--ids]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
	"uuid"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/program"
	"callcontrol.example/clients/service"
)

const patience = 10 * time.Second

var (
	application = flag.String("worker", "", "hand the call to a worker of this application")
	ids         = flag.Bool("ids", false, "put the id of the leg before each line")
)

func main() {
	words := program.Words("originate ENDPOINT [--worker APPLICATION] [--ids]", 1)
	endpoint := program.Endpoint(words[0])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	connection, err := service.Connect()
	if err != nil {
		program.Fail(err)
	}
	status, err := place(ctx, connection, endpoint)
	switch {
	case ctx.Err() != nil:
		os.Exit(130)
	case err != nil:
		program.Fail(err)
	}
	os.Exit(status)
}

// place makes the call, and gives the exit status.
func place(ctx context.Context, connection *grpc.ClientConn, endpoint *pb.Endpoint) (int, error) {
	calls := pb.NewCallControlServiceClient(connection)
	call := call{id: uuid.NewV4().String()}
	if err := call.watch(ctx, connection); err != nil {
		return 0, err
	}
	call.say("calling")
	deadline, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	placed, err := calls.Originate(deadline, &pb.OriginateRequest{
		RequestId:      uuid.NewV4().String(), // the same id again would not ring a second time
		CallId:         call.id,
		Endpoints:      []*pb.Endpoint{endpoint},
		Destination:    destination(),
		RingTimeout:    durationpb.New(30 * time.Second),
		WaitUntil:      pb.WaitUntil_WAIT_UNTIL_ANSWERED,
		HangupOnCancel: true, // interrupt this program and the telephone stops ringing
	})
	if err != nil {
		return 0, err
	}
	if placed.GetDisposition() != pb.Disposition_DISPOSITION_ANSWERED {
		// Busy, rejected or unanswered is an answer of the service and no error.
		disposition := strings.TrimPrefix(placed.GetDisposition().String(), "DISPOSITION_")
		call.say("not answered:", disposition, placed.GetHangupCause().GetName())
		return 1, nil
	}
	call.say("answered")
	if *application != "" {
		return 0, nil
	}
	return 0, call.play(ctx, calls)
}

func destination() *pb.Destination {
	if *application == "" {
		return &pb.Destination{Kind: &pb.Destination_Park{Park: &pb.Park{}}}
	}
	worker := &pb.WorkerApplication{Name: *application}
	return &pb.Destination{Kind: &pb.Destination_Worker{Worker: worker}}
}

// call is one leg, and what happens to it.
type call struct {
	id     string
	stream grpc.ServerStreamingClient[pb.EventsResponse]
	events []*pb.Event // that came, and were not looked at
}

func (c *call) say(words ...any) {
	if *ids {
		words = append([]any{c.id}, words...)
	}
	fmt.Println(words...)
}

// watch returns once nothing of the call can be missed any more.
func (c *call) watch(ctx context.Context, connection *grpc.ClientConn) (err error) {
	filters := []*pb.EventFilter{{CallIds: []string{c.id}}}
	request := &pb.EventsRequest{Filters: filters, SubscriberName: "originate"}
	if c.stream, err = pb.NewEventServiceClient(connection).Events(ctx, request); err != nil {
		return err
	}
	_, err = c.stream.Recv() // started
	return err
}

// play plays the tone and hangs up, and returns when the call has ended.
func (c *call) play(ctx context.Context, calls pb.CallControlServiceClient) error {
	playing, err := c.begin(ctx, calls)
	if err != nil && !service.IsOver(err) {
		return err
	}
	if err == nil {
		c.say("playing")
	}
	for {
		event, err := c.next()
		if err != nil {
			return err
		}
		stopped, ended := event.GetPlaybackStopped(), event.GetCallEnded()
		switch {
		case ended != nil && event.GetCallId() == c.id:
			c.say("ended", ended.GetCause().GetName())
			return nil
		case stopped != nil && stopped.GetPlaybackId() == playing.GetPlaybackId():
			if stopped.GetCompleted() {
				c.say("played")
			}
			if err := c.hangUp(ctx, calls); err != nil && !service.IsOver(err) {
				return err
			}
		}
	}
}

func (c *call) begin(ctx context.Context, calls pb.CallControlServiceClient) (*pb.PlayResponse, error) {
	deadline, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tone := &pb.MediaSource{Source: &pb.MediaSource_ToneStream{ToneStream: "%(500,100,440)"}}
	return calls.Play(deadline, &pb.PlayRequest{CallId: c.id, Sources: []*pb.MediaSource{tone}})
}

func (c *call) hangUp(ctx context.Context, calls pb.CallControlServiceClient) error {
	deadline, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := calls.Hangup(deadline, &pb.HangupRequest{CallId: c.id})
	return err
}

// next is the event that comes next.
func (c *call) next() (*pb.Event, error) {
	for len(c.events) == 0 {
		message, err := c.stream.Recv()
		if err != nil {
			return nil, err
		}
		c.events = message.GetEvents()
	}
	event := c.events[0]
	c.events = c.events[1:]
	return event, nil
}
