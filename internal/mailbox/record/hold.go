package record

import (
	"slices"

	"github.com/usherhq/usher/events"
)

// Hold says whether a record holds an account.
type Hold uint8

// The answers of Record.Hold.
const (
	// Free: the record does not hold the account.
	Free Hold = iota
	// Changing: the effects in progress decide whether the record will hold the account.
	Changing
	// Held: the account of the record is active.
	Held
)

// Hold reports whether the record holds an account. A claim, or a change that may have reached
// the vendor, may still give the account to the record or delete it. A lifecycle event that
// waits may take the account from the record.
func (r *Record) Hold(accountID string) Hold {
	holds := r.Holds(accountID)
	pending := func(is func(e Effect) bool) bool { return slices.ContainsFunc(r.Pending, is) }
	switch {
	case holds && !pending(func(e Effect) bool { return e.Scope == events.ScopeLifecycle }):
		return Held
	case holds, r.Claim != nil, pending(func(e Effect) bool { return e.Tried }):
		return Changing
	}
	return Free
}

// Holds reports whether the account of the record is active and has this id.
func (r *Record) Holds(accountID string) bool {
	return r.State == Active && r.AccountID == accountID && accountID != ""
}
