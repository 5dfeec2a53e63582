package ledger

// WaitsFor returns the other effect that the effect of an event has to wait for,
// if there is one: the one that is claimed, or one that must come before it.
func (a *Account) WaitsFor(key string) (Effect, bool) {
	e := a.find(key)
	if e == nil || e.Phase == Finished {
		return Effect{}, false
	}
	other := a.blocker(e)
	if a.Claim != nil && a.Claim.Key != key {
		other = a.find(a.Claim.Key)
	}
	if other == nil {
		return Effect{}, false
	}
	return *other, true
}
