package fairness

import "sync"

// largeUserMap is the number of users above which an emptied map is replaced, since a Go
// map never gives memory back.
const largeUserMap = 1024

// UserShare bounds the intake that one user may have in hand at a time at one vendor. An
// idle user costs no memory. UserShare is safe for concurrent use.
type UserShare struct {
	limit int

	mu     sync.Mutex
	inHand map[string]int
	peak   int // the largest size of inHand
}

// NewUserShare returns a UserShare of limit events for each user. A limit below one
// counts as one.
func NewUserShare(limit int) *UserShare {
	return &UserShare{limit: max(1, limit), inHand: map[string]int{}}
}

// Take adds one event to the user's part. Take returns false, and adds nothing, if the
// user is at the limit. Each true needs one Release.
func (u *UserShare) Take(user string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.inHand[user] >= u.limit {
		return false
	}
	u.inHand[user]++
	u.peak = max(u.peak, len(u.inHand))
	return true
}

// Release gives back one event of the user's part. A Release without a Take changes
// nothing.
func (u *UserShare) Release(user string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.inHand[user] > 1 {
		u.inHand[user]--
		return
	}
	delete(u.inHand, user)
	if len(u.inHand) == 0 && u.peak > largeUserMap {
		u.inHand, u.peak = map[string]int{}, 0
	}
}

// Users returns the number of users with events in hand.
func (u *UserShare) Users() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.inHand)
}
