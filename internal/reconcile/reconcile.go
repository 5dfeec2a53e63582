// Package reconcile compares the accounts in the records of a vendor with the vendor's list of
// accounts, and repairs differences by events.
//
// Both change during a comparison. So the records are read first, then the vendor's list,
// and an account differs only if
//
//   - the record was not changed between the first reading and the last, and has no work in
//     progress or pending;
//   - missing: a look-up of the account at the vendor finds no account;
//   - remains: a look-up of the account at the vendor finds the account;
//   - unknown: no record names the account when the records are read again, after the list;
//   - conflict: the records of several users name the account.
//
// An account that changed meanwhile is skipped until the next comparison.
//
// The package changes neither the vendor nor a record. To repair a difference, Repairs sends an
// event to the vendor once more (Plan). The owner of the vendor applies the event by the rules of
// all events: see record.Repair.
package reconcile

import (
	"context"
	"iter"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Records reads the records of the users.
type Records interface {
	List(ctx context.Context, prefix string) iter.Seq2[recordstore.Entry, error]
	Load(ctx context.Context, key string) (recordstore.Entry, error)
}

// Events reads the stored events behind the records.
type Events interface {
	Original(ctx context.Context, p events.Position) (streams.Original, error)
}

// Replays lists the unfinished replays of a vendor.
type Replays interface {
	List(ctx context.Context, vendor string) iter.Seq2[streams.Replay, error]
}

// DeadLetters reads the dead letter of an effect.
type DeadLetters interface {
	Get(ctx context.Context, vendor, kind, key string) (streams.DeadLetter, error)
}

// Deps holds the dependencies of a comparison.
type Deps struct {
	Name        string // of the vendor
	Vendor      vendors.Lister
	Records     Records
	Events      Events
	Replays     Replays
	DeadLetters DeadLetters
	MaxReplays  int // a dead letter that was sent back so often is left to a person
	// Progress is called with the name of the list that is read, and the number of entries
	// read so far. Progress may be nil.
	Progress func(what string, n int)
}

// Kind is the kind of a difference.
type Kind string

// The kinds.
const (
	Missing  Kind = "missing"  // active in the record, not at the vendor
	Remains  Kind = "remains"  // deleted in the record, still or again at the vendor
	Unknown  Kind = "unknown"  // at the vendor, in no record
	Conflict Kind = "conflict" // active in the records of several users; never repaired
)

// Repair is the way to repair a difference.
type Repair string

// The repairs. The zero value means that Usher cannot repair the difference.
const (
	Provision Repair = "provision" // send the user.created, or the user.restored, once more
	Delete    Repair = "delete"    // send the user.deleted once more
	Adopt     Repair = "adopt"     // replay the dead letter of the user.created
)

// Difference is one account that differs.
type Difference struct {
	Kind      Kind   `json:"difference"`
	AccountID string `json:"account_id"`        // the vendor's id
	UserID    string `json:"user_id,omitempty"` // if known
	Email     string `json:"email,omitempty"`   // from the vendor or from the event
	Repair    Repair `json:"repair,omitempty"`
	Note      string `json:"note,omitempty"` // the reason against a repair, or a hint for a person

	record   string // key
	revision uint64
}

// Report is the result of a comparison.
type Report struct {
	Vendor      string       `json:"vendor"`
	Agree       int          `json:"in_agreement"`
	OnTheWay    int          `json:"on_the_way"` // different, but a repair or the first creation is in progress
	Changed     int          `json:"changed"`    // changed meanwhile: skipped
	Staff       int          `json:"staff"`      // accounts of staff without a record: ignored
	Differences []Difference `json:"differences"`
}

// Same reports whether the records and the vendor agree, skipped accounts aside.
func (r Report) Same() bool { return len(r.Differences) == 0 && r.OnTheWay == 0 }
