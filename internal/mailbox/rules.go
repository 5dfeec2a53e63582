package mailbox

import (
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// Rules are the rules of a team for the changes at one vendor. The rules are enforced around the
// plan of every event, in parts.do.
type Rules struct {
	May []string // kinds of change that are allowed; nil: all. See handlers.Handler.Change
	// Shadow says that nothing is changed at the vendor: the adapter of the vendor only reads.
	Shadow bool
	// Keep says that accounts are kept: a deletion is skipped.
	Keep bool
	// Disable says that a deletion disables the account.
	Disable bool
	// DeleteAfter is the grace from the disabling until the later deletion; 0: never.
	DeleteAfter time.Duration
}

// The reasons of a skipped effect.
const (
	ReasonMay    = "may"    // the kind of change is not allowed
	ReasonShadow = "shadow" // Usher changes nothing at the vendor
	// ReasonKeep says that the accounts of users who leave are kept.
	ReasonKeep = "on_delete"
)

// forbids returns the reply to an event with a kind of change that is not allowed.
func (r Rules) forbids(e *Event) (handlers.Reply, bool) {
	switch {
	case e.Later && r.DeleteAfter == 0:
		return e.Handler.Skipped(record.ReasonLater), true
	case r.Keep && !e.Later && e.Handler.Removes:
		return e.Handler.Skipped(ReasonKeep), true
	case r.allows(e.Handler):
		return handlers.Reply{}, false
	}
	return e.Handler.Skipped(ReasonMay), true
}

// allows reports whether the kind of change of a type is allowed.
func (r Rules) allows(h handlers.Handler) bool {
	return h.Change == "" || r.allowsChange(h.Change)
}

// allowsChange reports whether a kind of change is allowed.
func (r Rules) allowsChange(change string) bool {
	return r.May == nil || slices.Contains(r.May, change)
}

// changes reports whether events of a type may change the vendor.
func (r Rules) changes(h handlers.Handler) bool {
	return !r.Shadow && r.allows(h) && (!r.Keep || !h.Removes)
}

// skips reports whether the error of a plan only says that Usher changes nothing at the vendor: a
// call was refused, or the account is missing, because the creation was refused before.
func (r Rules) skips(err error) bool {
	return r.Shadow && (errors.Is(err, vendors.ErrReadOnly) || errors.Is(err, handlers.ErrNoAccount))
}
