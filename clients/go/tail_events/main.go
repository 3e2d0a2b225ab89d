// Prints events for as long as it runs: tail_events [CALL_ID ...]
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/following"
	"callcontrol.example/clients/program"
	"callcontrol.example/clients/service"
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	request := &pb.EventsRequest{SubscriberName: "tail_events"}
	if flag.NArg() > 0 {
		request.Filters = []*pb.EventFilter{{CallIds: flag.Args()}}
	}
	for item, err := range following.Events(ctx, request, tellBreak) {
		switch {
		case err != nil:
			program.Fail(err)
		case item.Gap != nil:
			// Whatever was built from events must be read anew, with ListCalls for example.
			reason := strings.TrimPrefix(item.Gap.GetReason().String(), "REASON_")
			fmt.Println("events are missing:", orDash(item.Gap.GetNodeId()), reason)
		default:
			event := item.Event
			fmt.Println(event.GetPosition().GetNodeId(), event.GetName(), orDash(event.GetCallId()), kind(event))
		}
	}
	os.Exit(130)
}

// tellBreak: nothing is lost by a stream that broke, and the next one is on its way.
func tellBreak(err error) {
	fmt.Fprintln(os.Stderr, service.Sentence(err))
}

// kind is the name of the payload's field; a kind that is not known has no payload.
func kind(event *pb.Event) string {
	message := event.ProtoReflect()
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("payload"))
	if field == nil {
		return "-"
	}
	return string(field.Name())
}

func orDash(text string) string {
	return cmp.Or(text, "-")
}
