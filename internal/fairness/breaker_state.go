package fairness

import (
	"strings"
	"time"
	"unicode/utf8"
)

// longestReason bounds the text of an error within a reason, in bytes.
const longestReason = 200

// Status is a snapshot of a Breaker.
type Status struct {
	State State
	Since time.Time // the time of the last change of state
	// Refused reports that the vendor refused the credentials, and that the breaker was not closed since.
	Refused bool
	Reason  string // why the state is not Closed, for people and without personal data; empty if Closed
}

// Status returns the state of the breaker and the reason for it.
func (b *Breaker) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Status{State: b.state, Since: b.since, Reason: b.reason, Refused: b.refused}
}

// State returns the state of the breaker.
func (b *Breaker) State() State { return b.Status().State }

// Changed returns a channel that receives a value after changes of Status, Allows or
// CheckAt. Changes in quick succession may share one value. The channel is for one
// receiver.
func (b *Breaker) Changed() <-chan struct{} { return b.changed }

// Allows reports whether work of a class may begin now. In the half-open state only fresh
// work may, up to the number of probes.
func (b *Breaker) Allows(c Class) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state {
	case Closed, Suspect:
		return true
	case HalfOpen:
		return b.probes.begun < b.config.Probes && (c == Fresh || b.probes.anyClass)
	default:
		return false
	}
}

// Begin accounts for work that begins after Allows allowed the class. Without Begin the
// number of probes in the half-open state is not bounded.
func (b *Breaker) Begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == HalfOpen {
		b.probes.begun++
	}
}

// CheckDue reports whether the caller must make a check now. Each true is one check, and
// needs one call of Checked. CheckDue never reports true twice within CheckEvery,
// but for CheckNow.
func (b *Breaker) CheckDue() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.state == Closed || b.checking || now.Before(b.nextCheck) {
		return false
	}
	b.checking = true
	b.nextCheck = now.Add(b.config.CheckEvery)
	return true
}

// CheckNow makes the next check of a vendor on hold due at once, if a person asked for the check at a
// time during the hold.
func (b *Breaker) CheckNow(asked time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != Open || b.checking || asked.Before(b.since) {
		return
	}
	b.nextCheck = time.Now()
	b.signal()
}

// CheckAt returns the time of the next check, which may have passed; ok is false if no
// check is wanted or if one is running.
func (b *Breaker) CheckAt() (at time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.nextCheck, b.state != Closed && !b.checking
}

// probed accounts for a result in the half-open state.
func (b *Breaker) probed(now time.Time, result Result) {
	isBad := result == Failed || result == Forbidden || result == Unreadable || (result == Permanent && b.forRefusals)
	if !isBad {
		b.probes.good++
		if 2*b.probes.good > b.config.Probes {
			b.close(now)
		}
		return
	}
	b.probes.bad++
	if b.forRefusals && 2*b.probes.bad > b.config.Probes {
		b.open(now, "the effects that were tried are refused again: "+HoldMapping)
	}
}

// open puts the vendor on hold. The time to the next check doubles with each hold since
// the breaker was closed.
func (b *Breaker) open(now time.Time, reason string) {
	wait := b.config.CheckEvery
	for range b.holds {
		wait = min(2*wait, b.config.CheckMax)
	}
	if wait < b.config.CheckMax {
		b.holds++
	}
	b.checking = false
	b.nextCheck = now.Add(wait)
	b.set(now, Open, reason)
}

// close ends the hold.
func (b *Breaker) close(now time.Time) {
	b.holds = 0
	b.forRefusals, b.refused = false, false
	b.checking = false
	b.window.clear()
	b.set(now, Closed, "")
}

// set changes the state, and signals the change.
func (b *Breaker) set(now time.Time, s State, reason string) {
	if b.state != s {
		b.since = now
	}
	b.state, b.reason = s, reason
	b.signal()
}

// signal wakes the receiver of Changed.
func (b *Breaker) signal() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// shorten makes a text one line of at most longestReason bytes.
func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= longestReason {
		return s
	}
	end := longestReason
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
