package mailbox

import (
	"sync"
	"time"
)

// mostWaits bounds the users of whom Waits keeps the time.
const mostWaits = 10_000

// Waits are users whose effects wait after an attempt, as far as this ownership has looked
// after them.
type Waits struct {
	Users int       // at most 10,000
	Since time.Time // of the first attempt of the oldest effect; zero if there is none
}

// waits keeps since when effects of users wait.
type waits struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// note sets the time of a user; the zero time removes the user.
func (w *waits) note(user string, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, known := w.since[user]
	switch {
	case since.IsZero():
		delete(w.since, user)
	case known || len(w.since) < mostWaits:
		if w.since == nil {
			w.since = map[string]time.Time{}
		}
		w.since[user] = since
	}
}

func (w *waits) sum() (s Waits) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Users = len(w.since)
	for _, since := range w.since {
		if s.Since.IsZero() || since.Before(s.Since) {
			s.Since = since
		}
	}
	return s
}

// Retries returns the users with effects that failed and are tried again.
func (m *Mailboxes) Retries() Waits { return m.retries.sum() }

// Unknown returns the users of whom it is not known whether the vendor made a change.
func (m *Mailboxes) Unknown() Waits { return m.unknown.sum() }

// noteWaits notes the pending effects of a user.
func (m *Mailboxes) noteWaits(u *user) {
	var retried, unknown time.Time
	for _, e := range u.stored.record.Pending {
		if e.Attempts > 0 && !e.Held && (retried.IsZero() || e.Begun.Before(retried)) {
			retried = e.Begun
		}
		if e.Unconfirmed && (unknown.IsZero() || e.Begun.Before(unknown)) {
			unknown = e.Begun
		}
	}
	m.retries.note(u.key, retried)
	m.unknown.note(u.key, unknown)
}
