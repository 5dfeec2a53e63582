// Package reconcile compares the accounts that the ledger has of a vendor with
// those that the vendor lists, and says how what differs can be put right.
//
// Both change while they are compared. So the ledger is read first, then the
// vendor's list, and what seems to differ is a difference only where
//
//   - the record was not changed between the first reading and the last, and
//     nothing is being done, or waits to be done, to the account;
//   - missing: the vendor, asked for that very account, does not have it;
//   - remains: the vendor, asked for that very account, has it;
//   - unknown: no record names the account when the ledger is read once more,
//     after the list.
//
// Whatever changed meanwhile is not judged: the next comparison will.
//
// Nothing is changed here, at the vendor or in the ledger. To put a difference
// right, an event is sent to the vendor once more (Plan), and the worker carries it
// out by the rules that hold for all events: see ledger.Repair.
package reconcile

import (
	"context"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/vendors"
)

// Ledger is the records of the accounts.
type Ledger interface {
	Walk(ctx context.Context, pattern string, yield func(ledger.Record) error) error
	Record(ctx context.Context, key string) (ledger.Record, error)
}

// Events is what is known of the events behind the records.
type Events interface {
	Original(ctx context.Context, epoch int64, seq uint64) (bus.Original, error)
	Replaying(ctx context.Context, vendor string, yield func(key string, number int)) error
	DeadLetterOf(ctx context.Context, vendor, kind, key string) (bus.DeadLetter, error)
}

// Deps is what a comparison works with.
type Deps struct {
	Name       string // of the vendor
	Vendor     vendors.Lister
	Ledger     Ledger
	Events     Events
	MaxReplays int // a dead letter that was sent back so often is left to a person
	// Progress is told what is being read and how far it has come. It may be nil.
	Progress func(what string, n int)
}

// Kind is how an account differs.
type Kind string

// The kinds.
const (
	Missing Kind = "missing" // active in the ledger, not at the vendor
	Remains Kind = "remains" // deleted in the ledger, still or again at the vendor
	Unknown Kind = "unknown" // at the vendor, in no record
)

// Repair is how a difference can be put right.
type Repair string

// The repairs. The zero value is that it cannot be, by usher.
const (
	Provision Repair = "provision" // its user.created, or user.restored, is sent once more
	Delete    Repair = "delete"    // its user.deleted is
	Adopt     Repair = "adopt"     // the dead letter of its user.created is
)

// Difference is one account that differs.
type Difference struct {
	Kind      Kind   `json:"difference"`
	AccountID string `json:"account_id"`        // the vendor's
	UserID    string `json:"user_id,omitempty"` // ours, where it is known
	Email     string `json:"email,omitempty"`   // as the vendor or the event has it
	Repair    Repair `json:"repair,omitempty"`
	Note      string `json:"note,omitempty"` // why it cannot be repaired, or what else is known

	record   string // the key of its record
	revision uint64
}

// Report is what a comparison came to.
type Report struct {
	Vendor      string       `json:"vendor"`
	Agree       int          `json:"in_agreement"`
	OnTheWay    int          `json:"on_the_way"` // differ, and a repair or the first creation is under way
	Changed     int          `json:"changed"`    // changed meanwhile: not judged
	Staff       int          `json:"staff"`      // unknown accounts of staff, which are left alone
	Differences []Difference `json:"differences"`
}

// Same tells whether ledger and vendor agree, as far as could be judged.
func (r Report) Same() bool { return len(r.Differences) == 0 && r.OnTheWay == 0 }
