package working

import (
	"context"
	"slices"
	"sync"
	"time"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/service"
)

// Until the news of an end that a command has told already.
const newsTime = 5 * time.Second

// So many ends are remembered, for who asks when they have come already.
const remembered = 64

// Call is one that is this worker's. Its context ends when it is not any more.
type Call struct {
	ID, Application string
	Context         context.Context

	end     context.CancelFunc
	tell    func(call *Call, line string)
	release func(call *Call, destination *pb.Destination) *giving

	// Set when the worker wants to be rid of it; for the worker alone.
	giving *giving

	mutex  sync.Mutex // for all below
	isOver bool
	// Playbacks that stopped, and legs that it was connected with.
	past []string
	// How often events were missing.
	gaps int
	// How often the service has told that the call is the worker's.
	assignments int
	// The stream broke since then: the service may have to find the call again.
	isAway bool
	// Closed when something came, and made anew.
	news chan struct{}
}

func newCall(
	id, application string, tell func(*Call, string), release func(*Call, *pb.Destination) *giving,
) *Call {
	ctx, end := context.WithCancel(context.Background())
	return &Call{
		ID: id, Application: application, Context: ctx,
		end: end, tell: tell, release: release, news: make(chan struct{}),
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
// this id; or when events are missing that were not among so many gaps, or the call is over. It says
// whether it has come.
func (c *Call) WaitFor(id string, gaps int) bool {
	hasCome := false
	c.until(nil, func() bool {
		hasCome = slices.Contains(c.past, id)
		return hasCome || c.gaps != gaps
	})
	return hasCome
}

// WaitForEnd returns when the call is over, as it is known to be, or when that does not show.
func (c *Call) WaitForEnd() {
	c.until(time.After(newsTime), func() bool { return false })
}

// until waits for something to be so; false when it is not, by the limit or at the end of the call.
func (c *Call) until(limit <-chan time.Time, isSo func() bool) bool {
	for {
		c.mutex.Lock()
		so, news := isSo(), c.news
		c.mutex.Unlock()
		if so {
			return true
		}
		select {
		case <-news:
		case <-limit:
			return false
		case <-c.Context.Done():
			return false
		}
	}
}

// Do sends a command about the call, see service.Insist. One for a call that is not known waits for
// its end; or for its assignment, and is sent again then: a service that has begun anew has to find
// the call first.
func Do[Request, Response any](
	call *Call, within time.Duration, isHarmless bool,
	method service.Method[Request, Response], request *Request,
) (*Response, error) {
	deadline := time.Now().Add(within)
	for {
		seen := call.assigned()
		left := time.Until(deadline)
		response, err := service.Insist(call.Context, left, isHarmless, method, request)
		if err == nil || !service.IsOver(err) || !call.comesBack(seen, deadline) {
			return response, err
		}
	}
}

func (c *Call) assigned() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.assignments
}

// comesBack says whether the call is assigned once more, which it was so often before.
func (c *Call) comesBack(seen int, deadline time.Time) bool {
	isBack := func() bool { return c.assignments != seen }
	return c.until(time.After(newsTime), func() bool { return c.isAway || isBack() }) &&
		c.until(time.After(time.Until(deadline)), isBack)
}

// assign takes the call for the worker's, or for its own again.
func (c *Call) assign() {
	c.changed(func() { c.assignments, c.isAway = c.assignments+1, false })
}

// leave takes it for one that has to be found again.
func (c *Call) leave() {
	c.changed(func() { c.isAway = true })
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
