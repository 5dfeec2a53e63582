package record

// Blocker returns the effect that keeps a pending effect from its next attempt: the one
// that holds the claim, or one that has to end first. It returns false if there is none.
func (r *Record) Blocker(key Key, replay int) (Effect, bool) {
	e := r.find(key, replay)
	if e == nil {
		return Effect{}, false
	}
	if r.Claim != nil && !r.Claims(key, replay) {
		if other := r.find(r.Claim.Key, r.Claim.Replay); other != nil {
			return *other, true
		}
	}
	behind := false
	for i := range r.Pending {
		other := &r.Pending[i]
		switch {
		case other.same(key, replay):
			behind = true
		case other.blocks(e, behind) && !r.fenced(other):
			return *other, true
		}
	}
	return Effect{}, false
}

// blocks reports whether e has to end before other may be attempted. behind says that e
// stands behind other in the stream. The rule is that of pass.blocked, for two effects.
func (e *Effect) blocks(other *Effect, behind bool) bool {
	course := !other.Scope.WholeAccount()
	if !e.Scope.WholeAccount() && (!course || e.Course != other.Course) {
		return false
	}
	if behind {
		return e.Tried
	}
	return !other.Tried && (e.Tried || !e.Prerequisite)
}
