package working

import (
	"maps"
	"slices"

	pb "callcontrol.example/clients/callcontrol/v1"
	"callcontrol.example/clients/service"
)

// calls is what a worker has: every call begins once and ends once, whatever comes how often.
type calls struct {
	begin func(id, application string) *Call
	owned map[string]*Call
	// Offers that were accepted on this stream, by their ids.
	accepted map[string]*pb.OfferCall
	// Those that were accepted on a stream before, by the id of the call.
	hoped map[string]*pb.OfferCall
	// Calls that were asked for, and of which nothing came yet.
	asked  map[string]bool
	recent service.RecentIDs
}

func newCalls(begin func(id, application string) *Call) *calls {
	return &calls{
		begin: begin, owned: map[string]*Call{}, accepted: map[string]*pb.OfferCall{},
		hoped: map[string]*pb.OfferCall{}, asked: map[string]bool{},
	}
}

// isEmpty says whether there is no call, and nothing that may become one.
func (c *calls) isEmpty() bool {
	return len(c.owned)+len(c.accepted)+len(c.hoped) == 0
}

// toResume are the calls to ask for on the next stream. Offers of this one are off.
func (c *calls) toResume() []string {
	for _, offer := range c.accepted {
		c.hoped[offer.GetCall().GetCallId()] = offer
	}
	clear(c.accepted)
	for _, call := range c.owned {
		call.leave()
	}
	ids := slices.AppendSeq(slices.Collect(maps.Keys(c.owned)), maps.Keys(c.hoped))
	slices.Sort(ids)
	return ids
}

// ask says of which calls the service is to tell now.
func (c *calls) ask(ids []string) {
	clear(c.asked)
	for _, id := range ids {
		c.asked[id] = true
	}
}

func (c *calls) withdraw(offerID string) {
	delete(c.accepted, offerID)
}

// assign begins a call, or gives the one that the worker has got back.
func (c *calls) assign(assigned *pb.CallAssigned) *Call {
	id := assigned.GetCall().GetCallId()
	offer := c.accepted[assigned.GetOfferId()]
	if offer == nil {
		offer = c.hoped[id]
	}
	delete(c.accepted, assigned.GetOfferId())
	delete(c.hoped, id)
	delete(c.asked, id)
	if c.owned[id] == nil {
		c.owned[id] = c.begin(id, offer.GetApplication())
	}
	call := c.owned[id]
	call.assign()
	if call.giving != nil {
		call.giving.unanswered = 0
	}
	return call
}

func (c *calls) release(released *pb.CallReleased) {
	id := released.GetCallId()
	wasAsked := c.asked[id]
	delete(c.hoped, id)
	delete(c.asked, id)
	call := c.owned[id]
	delete(c.owned, id)
	switch cause := released.GetHangupCause(); {
	case call == nil:
	case cause != nil:
		call.finish("ended " + cause.GetName())
	case wasAsked && call.giving == nil:
		call.finish("lost")
	default:
		call.finish("released")
	}
}

// lose ends what was asked for and did not come.
func (c *calls) lose() {
	for id := range c.asked {
		if call := c.owned[id]; call != nil {
			call.finish("lost")
		}
		delete(c.owned, id)
		delete(c.hoped, id)
	}
	clear(c.asked)
}

// leave ends everything, as the worker does.
func (c *calls) leave() {
	for _, call := range c.owned {
		call.finish("left")
	}
	clear(c.owned)
	clear(c.accepted)
	clear(c.hoped)
}

// take passes an event on to the call that it is about, or to both that it tells of.
func (c *calls) take(event *pb.Event) {
	if !c.recent.IsNew(event.GetEventId()) {
		return
	}
	about := map[string]bool{event.GetCallId(): true}
	if parted := event.GetCallUnbridged(); parted != nil {
		about[parted.GetCallId()], about[parted.GetPeerCallId()] = true, true
	}
	for id := range about {
		if call := c.owned[id]; call != nil {
			call.take(event)
		}
	}
}

func (c *calls) takeGap() {
	for _, call := range c.owned {
		call.takeGap()
	}
}
