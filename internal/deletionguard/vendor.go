package deletionguard

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Vendor is the guard of one vendor: the guard over all vendors together with the limits of the
// vendor. A person may approve or drop the deletions of one vendor, whichever limit holds them. The
// methods may be called concurrently.
type Vendor struct {
	all, own *Guard
	released *signal
	approved *signal // of a single user
}

// VendorConfig configures the guard of one vendor.
type VendorConfig struct {
	Name   string
	Limits Config
	Spared bool // user.deleted removes nothing at the vendor
}

// NewVendor returns the guard of a vendor, with a record beside the record of the guard over all
// vendors.
func NewVendor(all *Guard, c VendorConfig) *Vendor {
	v := &Vendor{all: all, own: New(c.Limits, all.store, all.counts), released: newSignal(), approved: newSignal()}
	v.own.key, v.own.over, v.own.spared = KeyOf(c.Name), all, c.Spared
	v.own.approved = v.approved
	for _, g := range []*Guard{v.all, v.own} {
		g.mu.Lock()
		g.released = append(g.released, v.released)
		g.mu.Unlock()
	}
	return v
}

// All returns the guard over all vendors.
func (v *Vendor) All() *Guard { return v.all }

// Own returns the guard by the limits of the vendor alone.
func (v *Vendor) Own() *Guard { return v.own }

// Removal is an account that is to be removed: deleted or disabled.
type Removal struct {
	First time.Time // of the publication or the registration of the event
	// Key names a removal without a published deletion: of a repair, of a replay, or of a user
	// out of scope. A removal counts once for each key.
	Key string
	// User is the digest of the user; a person may approve the removal of one user.
	User string
}

// Removal counts and decides about a removal.
func (v *Vendor) Removal(ctx context.Context, r Removal) (Verdict, error) {
	if v.all.config.Count == 0 && v.own.config.Count == 0 {
		return Proceed, nil
	}
	all, err := v.all.current(ctx, "")
	own, ownErr := v.own.current(ctx, r.Key)
	if err := errors.Join(err, ownErr); err != nil {
		return Hold, err
	}
	switch {
	case r.First.Before(all.Dropped), r.First.Before(own.Dropped):
		return Discard, nil
	case time.Now().Before(own.Approved), time.Now().Before(own.Users[r.User]):
		return Proceed, nil
	case v.all.stops(all), v.own.stops(own):
		return Hold, nil
	default:
		return Proceed, nil
	}
}

// stops reports whether a record has a hold, and the guard is not turned off since.
func (g *Guard) stops(r Record) bool { return g.config.Count > 0 && !r.Held.IsZero() }

// Holds reports whether deletions are held at the vendor, as far as this process knows.
func (v *Vendor) Holds() bool {
	if !v.all.Holds() && !v.own.Holds() {
		return false
	}
	own := v.own.Record()
	return !time.Now().Before(own.Approved) && (v.all.stops(v.all.Record()) || v.own.stops(own))
}

// Approved reports whether a person has approved the removal of one user, as far as this process knows.
func (v *Vendor) Approved(digest string) bool { return time.Now().Before(v.own.Record().Users[digest]) }

// ApprovedUsers returns the digests of single users with an approval, and a channel that is closed at the
// next such approval.
func (v *Vendor) ApprovedUsers() (digests []string, next <-chan struct{}) {
	next = v.approved.wait()
	r := v.own.Record()
	return r.approvedUsers(time.Now()), next
}

// Dropped returns the time before which all registered removals are discarded; zero: none is.
func (v *Vendor) Dropped() time.Time {
	all, own := v.all.Record().Dropped, v.own.Record().Dropped
	if all.Before(own) {
		return own
	}
	return all
}

// Released returns a channel that is closed at the end of the present or the next hold.
func (v *Vendor) Released() <-chan struct{} { return v.released.wait() }

// signal wakes all waiters each time it is fired.
type signal struct {
	mu    sync.Mutex
	fired chan struct{} // closed and replaced
}

func newSignal() *signal { return &signal{fired: make(chan struct{})} }

func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.fired)
	s.fired = make(chan struct{})
}
