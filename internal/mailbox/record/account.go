package record

import (
	"slices"

	"github.com/usherhq/usher/events"
)

// Hold says whether a record holds an account.
type Hold uint8

// The answers of HoldOf.
const (
	// Free: the record does not hold the account.
	Free Hold = iota
	// Changing: the effects in progress decide whether the record will hold the account.
	Changing
	// Held: the account of the record is active or disabled.
	Held
)

// HoldOf reports whether a record holds an account. A claim, or a change that may have reached
// the vendor, may still give the account to the record or delete it. A lifecycle event that
// waits may take the account from the record.
func HoldOf(r *Record, accountID string) Hold {
	holds := Holds(r, accountID)
	pending := func(is func(e Effect) bool) bool { return slices.ContainsFunc(r.Pending, is) }
	switch {
	case holds && !pending(func(e Effect) bool { return e.Scope == events.ScopeLifecycle && !e.inGrace() }):
		return Held
	case holds, r.Claim != nil, pending(func(e Effect) bool { return e.Tried }):
		return Changing
	}
	return Free
}

// Holds reports whether the account of a record is active or disabled and has this id.
func Holds(r *Record, accountID string) bool {
	disabled := r.State == Deleted && r.Disabled && r.Former == accountID
	return accountID != "" && (disabled || r.State == Active && r.AccountID == accountID)
}

// HasUnconfirmedLifecycle reports whether another lifecycle event, newer than the last one
// applied, was attempted. The vendor may then differ from the record.
func HasUnconfirmedLifecycle(r *Record, key Key) bool {
	return r.Lifecycle.Before(r.Attempted) || slices.ContainsFunc(r.Pending, func(e Effect) bool {
		return e.Key != key && e.Scope == events.ScopeLifecycle && e.Attempts > 0 && r.Lifecycle.Before(e.Position)
	})
}
