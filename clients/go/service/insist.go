package service

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

const betweenAttempts = 200 * time.Millisecond

// Method is one of a client's that has one answer.
type Method[Request, Response any] func(context.Context, *Request, ...grpc.CallOption) (*Response, error)

// Insist gives the answer of the first attempt that was not cut off, within a
// time over all. A request that is harmless may be done twice: it is sent again whenever nobody
// knows whether it was done. Another one only where the service says that nothing was sent.
func Insist[Request, Response any](
	ctx context.Context, within time.Duration, isHarmless bool,
	method Method[Request, Response], request *Request,
) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		response, err := method(ctx, request, grpc.WaitForReady(true))
		if err == nil || !mayPass(err, isHarmless) {
			return response, err
		}
		select {
		case <-time.After(betweenAttempts):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func mayPass(err error, isHarmless bool) bool {
	if CodeName(err) == "UNAVAILABLE" {
		return isHarmless || Reason(err) != ""
	}
	// CANCELLED by a server that stops; what is cancelled here ends the waiting, too.
	return isHarmless && (CodeName(err) == "CANCELLED" || Reason(err) == "OUTCOME_UNKNOWN")
}
