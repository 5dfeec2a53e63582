package deletionguard

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// Record is the state of a guard, shared by all processes.
type Record struct {
	Since    time.Time `json:"since,omitzero"`    // no earlier event counts
	Held     time.Time `json:"held,omitzero"`     // start of the hold; zero without a hold
	Why      string    `json:"why,omitempty"`     // reason of the hold
	Approved time.Time `json:"approved,omitzero"` // until this time nothing is held
	Dropped  time.Time `json:"dropped,omitzero"`  // deletions registered before this time are discarded
	// Users are the ends of approvals of single users of a vendor, by the digest of the user.
	Users map[string]time.Time `json:"users,omitempty"`
	// Removals are the recent removals that are no published deletions, oldest first.
	Removals []Tally `json:"removals,omitempty"`
}

// Tally is a number of removals from a time on.
type Tally struct {
	At time.Time `json:"at"`
	N  uint64    `json:"n"`
}

// A window is counted in this many parts.
const parts = 20

// add adds removals, and drops those from before the window.
func (r *Record) add(n uint64, now time.Time, window time.Duration) {
	if n == 0 {
		return
	}
	for len(r.Removals) > 0 && r.Removals[0].At.Before(now.Add(-2*window)) {
		r.Removals = r.Removals[1:]
	}
	if last := len(r.Removals) - 1; last >= 0 && now.Sub(r.Removals[last].At) < window/parts {
		r.Removals[last].N += n
		return
	}
	r.Removals = append(r.Removals, Tally{At: now, N: n})
}

// recorded returns the number of removals since a time, with all of the part of the window in
// which the time is.
func (r *Record) recorded(since time.Time, window time.Duration) (n uint64) {
	for _, t := range r.Removals {
		if t.At.Add(window / parts).After(since) {
			n += t.N
		}
	}
	return n
}

// Approve ends a hold, and prevents holds until a time. Deletions published meanwhile do not
// count later.
func (r *Record) Approve(until time.Time) {
	r.endHold()
	r.Approved = until
	r.Since = until
}

// EndApproval ends an approval before its time. Events published under the approval do not count.
func (r *Record) EndApproval(now time.Time) {
	if now.Before(r.Approved) {
		r.Approved, r.Since = time.Time{}, now
	}
}

// Discard ends a hold, if any, and makes dead letters of the deletions registered before now.
func (r *Record) Discard(now time.Time) {
	r.endHold()
	r.Dropped = now
	r.Since = now
}

// endHold ends a hold. Removals so far count for nothing later.
func (r *Record) endHold() {
	r.Held, r.Why, r.Removals = time.Time{}, "", nil
}

// maxUsers is the largest number of single users with an approval in force at a vendor.
const maxUsers = 1000

// ErrManyUsers is returned for an approval of a further single user.
var ErrManyUsers = errors.New("1000 single users are approved already: approve all deletions of the vendor, or wait for the end of an approval")

// ApproveUser holds no removal of one user until a time, and removes approvals that are over. The hold
// of the others goes on. Returns ErrManyUsers without a change.
func (r *Record) ApproveUser(digest string, now, until time.Time) error {
	users := maps.Clone(r.Users)
	maps.DeleteFunc(users, func(_ string, end time.Time) bool { return !now.Before(end) })
	if _, known := users[digest]; !known && len(users) >= maxUsers {
		return ErrManyUsers
	}
	if users == nil {
		users = map[string]time.Time{}
	}
	users[digest] = until
	r.Users = users
	return nil
}

// approvedUsers returns the digests of the users with an approval in force, sorted.
func (r *Record) approvedUsers(now time.Time) (digests []string) {
	for digest, end := range r.Users {
		if now.Before(end) {
			digests = append(digests, digest)
		}
	}
	slices.Sort(digests)
	return digests
}
