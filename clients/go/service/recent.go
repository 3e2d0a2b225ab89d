package service

const remembered = 16_384

// RecentIDs knows the newest ids that it was asked about: at least 16 384 of
// them, at most twice as many.
type RecentIDs struct {
	newer, older map[string]struct{}
}

// IsNew says whether an id was not seen lately; from now on it was. An event
// without an id is new.
func (r *RecentIDs) IsNew(id string) bool {
	if id == "" {
		return true
	}
	_, isNewer := r.newer[id]
	_, isOlder := r.older[id]
	if isNewer || isOlder {
		return false
	}
	if r.newer == nil || len(r.newer) >= remembered {
		r.older, r.newer = r.newer, make(map[string]struct{})
	}
	r.newer[id] = struct{}{}
	return true
}
