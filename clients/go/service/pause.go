package service

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstDelay   = 500 * time.Millisecond
	longestDelay = 10 * time.Second
	lived        = 10 * time.Second
)

// Pauses are those between streams: the longer, the oftener streams break.
type Pauses struct {
	delay  time.Duration
	opened time.Time
}

// Opened is to be called whenever a stream is opened, or moved to.
func (p *Pauses) Opened() {
	p.opened = time.Now()
}

// Wait returns when another stream may be opened, or the context ends.
func (p *Pauses) Wait(ctx context.Context, failure error) {
	if p.delay == 0 || time.Since(p.opened) >= lived {
		p.delay = firstDelay
	}
	pause := RetryIn(failure) + rand.N(p.delay)
	p.delay = min(2*p.delay, longestDelay)
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}
