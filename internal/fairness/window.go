package fairness

import (
	"hash/maphash"
	"time"
)

// windowUsers is the number of distinct users that a window remembers.
const windowUsers = 50

// window holds the newest result of each of the last distinct users. Of a user only a
// hash with a random seed is kept. The memory is fixed.
type window struct {
	seed    maphash.Seed
	entries [windowUsers]entry // oldest first
	size    int
}

type entry struct {
	user   uint64
	at     time.Time
	result Result
}

// add records a result. An earlier result of the same user is replaced; if the window is
// full, the oldest user leaves.
func (w *window) add(user string, result Result, now time.Time) {
	e := entry{user: maphash.String(w.seed, user), at: now, result: result}
	at := 0
	for at < w.size && w.entries[at].user != e.user {
		at++
	}
	switch {
	case at < w.size:
		copy(w.entries[at:], w.entries[at+1:w.size])
	case w.size == windowUsers:
		copy(w.entries[:], w.entries[1:])
	default:
		w.size++
	}
	w.entries[w.size-1] = e
}

// tally counts users: all of a window, those with a failure of the vendor as the newest
// result, and those refused for good.
type tally struct{ users, failed, permanent int }

// count counts the results since a time.
func (w *window) count(since time.Time) tally {
	t := tally{}
	for _, e := range w.entries[:w.size] {
		if e.at.Before(since) {
			continue
		}
		t.users++
		switch e.result {
		case Failed, Forbidden, Unreadable:
			t.failed++
		case Permanent:
			t.permanent++
		}
	}
	return t
}

// clear forgets all results.
func (w *window) clear() { w.size, w.entries = 0, [windowUsers]entry{} }
