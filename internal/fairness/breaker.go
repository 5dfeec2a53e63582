package fairness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// Result classifies an attempt at a vendor by the vendor's part in the outcome. Attempts without
// evidence (429, a call not begun or cancelled, a panic) are not reported.
type Result int

// The results of an attempt.
const (
	// Answered: the vendor did the work, or answered properly that there is nothing to
	// do or nobody to do it for.
	Answered Result = iota
	// Permanent: the vendor refused this user's data for good (400, 422); a repeat would
	// end alike.
	Permanent
	// Failed: the vendor did not answer, or answered with a server error (5xx, 408).
	Failed
	// Forbidden: the vendor answered 403, or 401 right after an accepted log-in, be it for
	// this user or for everybody.
	Forbidden
	// Unauthorized: the vendor refused the credentials (401).
	Unauthorized
	// Unreadable: the vendor answered with success and an unreadable response, be it
	// for this user or, as an error page, for everybody.
	Unreadable
)

// Parts of the reasons of a hold, for people who look for the remedy.
const (
	HoldRefused = "the vendor refuses the credentials (401)"
	HoldMapping = "a broken mapping?"
)

// State is the state of a Breaker.
type State int

// The states of a Breaker.
const (
	Closed   State = iota // calls go on
	Suspect               // calls go on; a check is due or running
	Open                  // the vendor is on hold: no calls, but a check every so often
	HalfOpen              // a check went well: a few fresh effects first
)

// String returns the name of the state, in lower case.
func (s State) String() string {
	return [...]string{"closed", "suspect", "open", "half-open"}[s]
}

// ErrNoVerdict is passed to Checked for a check without evidence about the vendor, such
// as an answer 429.
var ErrNoVerdict = errors.New("the check shows nothing about the vendor")

// BreakerConfig has the values of a Breaker. Zero values mean the defaults.
type BreakerConfig struct {
	CheckEvery    time.Duration // the least time between two checks; 30 s
	CheckMax      time.Duration // the most time between two checks of a vendor on hold; 10 min
	Window        time.Duration // the age at which a result no longer counts; 15 min
	SuspectUsers  int           // the least number of users for a suspicion; 5
	PermanentFrom int           // the least number of users refused for good that hold the vendor; 20
	Probes        int           // effects tried in the half-open state; 3
}

// Breaker puts a vendor on hold. A user's failure is not the vendor's: if more than half
// of the last 50 distinct users fail, or if a result is Forbidden or Unreadable, the vendor is only suspect,
// and a check decides. The check is a call without a user; the caller makes the check
// when CheckDue says so, and passes the outcome to Checked.
//
// These open the breaker: a check that fails or is refused; an Unauthorized result; and
// more than half of the last 50 users, at least 20, refused for good, since a broken
// mapping would make a dead letter of every event.
//
// While the breaker is open, checks follow at doubling intervals up to CheckMax. A check
// that goes well makes the breaker half-open: a few fresh effects are tried. The breaker closes if most
// of these are answered, or if a second check goes well, so that sick users alone never
// keep a vendor on hold. A hold for permanent refusals is different, since the check
// says nothing about a mapping: only probes end such a hold (fresh effects, and effects of any
// class after a second good check), and the hold goes on if most probes are refused.
//
// Breaker is safe for concurrent use and has neither goroutine nor timer.
type Breaker struct {
	config  BreakerConfig
	changed chan struct{}

	mu          sync.Mutex
	window      window // of the closed and suspect states
	state       State
	since       time.Time
	reason      string
	refused     bool // the vendor refused the credentials, and the breaker was not closed since
	forRefusals bool // the hold is for permanent refusals
	holds       int  // failed checks and failed probes since the breaker was closed
	nextCheck   time.Time
	checking    bool
	probes      probes
}

// probes counts the effects tried in the half-open state.
type probes struct {
	begun, good, bad int
	anyClass         bool
}

// NewBreaker returns a closed Breaker.
func NewBreaker(c BreakerConfig) *Breaker {
	c.CheckEvery = cmp.Or(c.CheckEvery, 30*time.Second)
	c.CheckMax = max(c.CheckEvery, cmp.Or(c.CheckMax, 10*time.Minute))
	c.Window = cmp.Or(c.Window, 15*time.Minute)
	c.SuspectUsers = cmp.Or(c.SuspectUsers, 5)
	c.PermanentFrom = cmp.Or(c.PermanentFrom, 20)
	c.Probes = cmp.Or(c.Probes, 3)
	return &Breaker{
		config:  c,
		changed: make(chan struct{}, 1),
		window:  window{seed: maphash.MakeSeed()},
		since:   time.Now(),
	}
}

// Report accounts for the result of one attempt for a user. While the breaker is open,
// results are ignored: the attempts began before.
func (b *Breaker) Report(user string, result Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	switch {
	case b.state == Open:
	case result == Unauthorized:
		b.refused = true
		b.open(now, HoldRefused)
	case b.state == HalfOpen:
		b.probed(now, result)
	default:
		b.window.add(user, result, now)
		b.judge(now, result)
	}
}

// judge applies the rules on shares in the closed and suspect states.
func (b *Breaker) judge(now time.Time, newest Result) {
	if newest == Answered {
		return // shares of failures only fall
	}
	t := b.window.count(now.Add(-b.config.Window))
	switch {
	case t.permanent >= b.config.PermanentFrom && 2*t.permanent > t.users:
		b.forRefusals = true
		b.open(now, fmt.Sprintf("most users are refused for good (%d of the last %d): %s", t.permanent, t.users, HoldMapping))
	case b.state == Suspect:
	case newest == Forbidden:
		b.set(now, Suspect, "the vendor forbids a call (403, or 401 after a log-in): a check decides")
	case newest == Unreadable:
		b.set(now, Suspect, "a response cannot be understood: a check decides")
	case t.failed >= b.config.SuspectUsers && 2*t.failed > t.users:
		b.set(now, Suspect, fmt.Sprintf("%d of the last %d users failed: a check decides", t.failed, t.users))
	}
}

// Checked accounts for the outcome of a check asked for by CheckDue: nil if the vendor
// answered properly. context.Canceled and ErrNoVerdict, wrapped or not, leave the state
// as before, and a check is due again later. The text of err becomes part of the reason, so err must
// hold no secret. An outcome is ignored if the breaker opened meanwhile.
func (b *Breaker) Checked(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.checking {
		return
	}
	b.checking = false
	now := time.Now()
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, ErrNoVerdict):
		b.signal() // the next check is due later
	case err != nil:
		b.open(now, "the check failed: "+shorten(err.Error()))
	case b.state == Suspect:
		b.set(now, Closed, "")
	case b.state == Open:
		b.probes = probes{}
		b.set(now, HalfOpen, "the check went well: a few effects are tried first")
	case b.state == HalfOpen && b.forRefusals:
		b.probes = probes{anyClass: true}
		b.signal()
	case b.state == HalfOpen:
		b.close(now)
	}
}
