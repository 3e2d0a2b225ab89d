package main

import (
	"strings"
	"time"
	"uuid"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/service"
	"callcontrol.example/clients/working"
)

const patience = 10 * time.Second

// menu is what is done with each call.
type menu struct {
	calls    pb.CallControlServiceClient
	endpoint *pb.Endpoint
	// The application whose workers get the call on 0, if there is one.
	operators string
}

// handle returns once the call is over, or with the failure of a request.
func (m menu) handle(call *working.Call) error {
	_, err := harmless(call, patience, m.calls.Answer, &pb.AnswerRequest{CallId: call.ID})
	if err != nil {
		return err
	}
	call.Tell("answered")
	digit, err := m.ask(call)
	if err != nil {
		return err
	}
	switch digit {
	case "0":
		err = m.handOn(call)
	case "1":
		err = m.connect(call)
	case "2":
		call.Tell("goodbye")
		err = m.sayGoodbye(call)
	}
	if err != nil {
		return err
	}
	_, err = harmless(call, patience, m.calls.Hangup, &pb.HangupRequest{CallId: call.ID})
	if err != nil {
		return err
	}
	<-call.Context.Done()
	return nil
}

// ask gives the digit, or nothing.
func (m menu) ask(call *working.Call) (string, error) {
	call.Tell("menu")
	got, err := harmless(call, 20*time.Second, m.calls.CollectDigits, &pb.CollectDigitsRequest{
		CallId:    call.ID,
		Prompt:    tone("%(300,100,440);loops=2"),
		MinDigits: 1,
		MaxDigits: 1,
		Timeout:   durationpb.New(5 * time.Second),
	})
	if err != nil {
		return "", err
	}
	switch got.GetResult() {
	case pb.CollectDigitsResponse_RESULT_COLLECTED:
		call.Tell("digit " + got.GetDigits())
		return got.GetDigits(), nil
	case pb.CollectDigitsResponse_RESULT_CALL_ENDED:
		call.WaitForEnd()
	}
	call.Tell("no digit")
	return "", nil
}

// handOn gives the call to another worker, and returns when it is not this one's any more, or cannot
// be given to that one.
func (m menu) handOn(call *working.Call) error {
	if m.operators == "" {
		return nil
	}
	call.Tell("handing on")
	worker := &pb.WorkerApplication{Name: m.operators}
	refused := call.Release(&pb.Destination{Kind: &pb.Destination_Worker{Worker: worker}})
	if refused != nil {
		call.Tell("not handed on: " + service.CodeName(refused))
	}
	return nil
}

// connect dials the endpoint, and returns when the two are parted again.
func (m menu) connect(call *working.Call) error {
	call.Tell("bridging")
	gaps := call.Gaps()
	dialled, err := working.Do(call, 40*time.Second, false, m.calls.DialAndBridge, &pb.DialAndBridgeRequest{
		RequestId:     uuid.NewV4().String(), // the same id again would not ring a second time
		CallId:        call.ID,
		Endpoints:     []*pb.Endpoint{m.endpoint},
		RingTimeout:   durationpb.New(30 * time.Second),
		ContinueAfter: true,
		WaitUntil:     pb.WaitUntil_WAIT_UNTIL_ANSWERED,
	})
	if err != nil {
		return err
	}
	for _, leg := range dialled.GetLegs() {
		if leg.GetDisposition() == pb.Disposition_DISPOSITION_ANSWERED {
			call.Tell("bridged")
			return m.waitUnbridged(call, leg.GetCallId(), gaps)
		}
	}
	call.Tell("not bridged: " + strings.TrimPrefix(dialled.GetDisposition().String(), "DISPOSITION_"))
	return nil
}

// waitUnbridged looks at the call where events are missing.
func (m menu) waitUnbridged(call *working.Call, partner string, gaps int) error {
	for !call.WaitFor(partner, gaps) && call.Context.Err() == nil {
		gaps = call.Gaps()
		now, err := harmless(call, patience, m.calls.GetCall, &pb.GetCallRequest{CallId: call.ID})
		if err != nil || now.GetCall().GetBridgedCallId() != partner {
			return err
		}
	}
	return nil
}

// sayGoodbye returns when the tone has stopped, or may have.
func (m menu) sayGoodbye(call *working.Call) error {
	gaps := call.Gaps()
	request := &pb.PlayRequest{CallId: call.ID, Sources: tone("%(500,0,330)")}
	playing, err := harmless(call, patience, m.calls.Play, request)
	if err == nil {
		call.WaitFor(playing.GetPlaybackId(), gaps)
	}
	return err
}

func tone(tone string) []*pb.MediaSource {
	return []*pb.MediaSource{{Source: &pb.MediaSource_ToneStream{ToneStream: tone}}}
}

// harmless sends a command that may be done twice.
func harmless[Request, Response any](
	call *working.Call, within time.Duration, method service.Method[Request, Response], request *Request,
) (*Response, error) {
	return working.Do(call, within, true, method, request)
}
