package service

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	opening           = 20 * time.Second
	missedHeartbeats  = 3
	leastSilence      = 10 * time.Second
	longestMovingTime = 5 * time.Second
)

// ErrEnded is the end of a stream without an error.
var ErrEnded = errors.New("the server ended the stream")

var errSilent = status.Error(codes.DeadlineExceeded, "nothing came for too long")

// Asking sends a request, and gives what reads an answer.
type Asking[Message any] func(context.Context, *grpc.ClientConn) (func() (Message, error), error)

// Stream is a request with many answers, on a connection of its own. Its reads
// end: a connection can stay although nothing comes by it any more.
type Stream[Message any] struct {
	ask        Asking[Message]
	read       func() (Message, error)
	patience   time.Duration
	context    context.Context
	cancel     context.CancelCauseFunc
	connection *grpc.ClientConn
	// Messages that were looked at, and are to be read.
	seen []Message
}

// Open is a stream that is asked for by its first read.
func Open[Message any](
	parent context.Context, ask Asking[Message], options ...grpc.DialOption,
) (*Stream[Message], error) {
	connection, err := Connect(options...)
	if err != nil {
		return nil, err
	}
	asked, cancel := context.WithCancelCause(parent)
	return &Stream[Message]{
		ask: ask, patience: opening, context: asked, cancel: cancel, connection: connection,
	}, nil
}

// Read gives the next message. An end with OK is an error, too, as is silence.
func (s *Stream[Message]) Read() (Message, error) {
	if len(s.seen) > 0 {
		message := s.seen[0]
		s.seen = s.seen[1:]
		return message, nil
	}
	silence := time.AfterFunc(s.patience, func() { s.cancel(errSilent) })
	defer silence.Stop()
	message, err := s.readNow()
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		err = ErrEnded
	case errors.Is(context.Cause(s.context), errSilent):
		err = errSilent
	}
	return message, err
}

func (s *Stream[Message]) readNow() (message Message, err error) {
	if s.read == nil {
		if s.read, err = s.ask(s.context, s.connection); err != nil {
			return message, err
		}
	}
	return s.read()
}

// Expect sets how long a read may take, by the heartbeat that the service told.
func (s *Stream[Message]) Expect(heartbeat time.Duration) {
	s.patience = max(leastSilence, missedHeartbeats*heartbeat)
}

// IsInPlace waits for the first message, which Read gives all the same. It is for a stream
// to move to, and waits less long than Read.
func (s *Stream[Message]) IsInPlace() bool {
	s.patience = longestMovingTime
	message, err := s.Read()
	s.patience = opening
	if err != nil {
		return false
	}
	s.seen = append(s.seen, message)
	return true
}

// Close ends the request and its connection.
func (s *Stream[Message]) Close() {
	s.cancel(nil)
	s.connection.Close()
}
