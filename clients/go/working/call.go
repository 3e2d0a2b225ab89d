package working

import (
	"context"
	"slices"
	"sync"

	pb "callcontrol.example/clients/callcontrol/v1"
)

// So many ends are remembered, for who asks when they have come already.
const remembered = 64

// Call is one that is this worker's. Its context ends when it is not any more.
type Call struct {
	ID, Application string
	Context         context.Context

	end  context.CancelFunc
	tell func(call *Call, line string)

	// The worker wants to be rid of it; for the worker alone.
	isReleased bool

	mutex  sync.Mutex // for all below
	isOver bool
	// Playbacks that stopped, and legs that it was connected with.
	past []string
	// How often events were missing.
	gaps int
	// Closed when something came, and made anew.
	news chan struct{}
}

func newCall(id, application string, tell func(*Call, string)) *Call {
	ctx, end := context.WithCancel(context.Background())
	return &Call{
		ID: id, Application: application, Context: ctx,
		end: end, tell: tell, news: make(chan struct{}),
	}
}

// Tell says a line about the call, unless it is over: nothing follows its last line.
func (c *Call) Tell(line string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.isOver {
		c.tell(c, line)
	}
}

// Gaps is how often events were missing.
func (c *Call) Gaps() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.gaps
}

// WaitFor returns when a playback has stopped or a leg was parted from the call, whichever has
// this id; or when events are missing that were not among so many gaps, or the call is over. It says whether
// it has come.
func (c *Call) WaitFor(id string, gaps int) bool {
	for {
		c.mutex.Lock()
		hasCome, isMissing, news := slices.Contains(c.past, id), c.gaps != gaps, c.news
		c.mutex.Unlock()
		if hasCome || isMissing {
			return hasCome
		}
		select {
		case <-news:
		case <-c.Context.Done():
			return false
		}
	}
}

// finish says the last line about the call.
func (c *Call) finish(ending string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.isOver = true
	c.tell(c, ending)
	c.end()
}

func (c *Call) take(event *pb.Event) {
	if stopped := event.GetPlaybackStopped(); stopped != nil {
		c.remember(stopped.GetPlaybackId())
	}
	if parted := event.GetCallUnbridged(); parted != nil {
		c.remember(parted.GetCallId())
		c.remember(parted.GetPeerCallId())
	}
}

func (c *Call) remember(id string) {
	c.changed(func() {
		c.past = append(c.past, id)
		c.past = c.past[max(0, len(c.past)-remembered):]
	})
}

func (c *Call) takeGap() {
	c.changed(func() { c.gaps++ })
}

func (c *Call) changed(change func()) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	change()
	close(c.news)
	c.news = make(chan struct{})
}
