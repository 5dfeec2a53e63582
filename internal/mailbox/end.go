package mailbox

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// netDelay is the delay of the timer under work that goes on from memory.
const netDelay = 2 * time.Second

// end ends a turn: it sets the timer, settles the positions that are registered, and
// acknowledges the wakes, in this order. A mailbox with more to do now gets a further turn.
func (t *turn) end(ctx context.Context, d record.Decision) {
	more := false
	if !d.Due.IsZero() {
		now := t.deps.Ownership.Now()
		due := d.Due
		more = !due.After(now) && t.open(WakeClass(t.user.key))
		if more {
			due = now.Add(netDelay)
		}
		if err := t.arm(ctx, due); err != nil {
			t.retry(ctx, err)
			return
		}
	}
	left := t.settleRegistered()
	t.noteLoss()
	t.acknowledge()
	t.succeeded()
	t.noteWaits()
	if more || len(left) > 0 {
		t.giveBack(left, nil, WakeClass(t.user.key))
	}
	if len(left) > 0 && t.full && !more { // such as while the vendor is on hold
		t.rest(fullPause)
	}
}

// isLost reports whether the wake of an activity found no record. The timer of an activity is set
// after the record is stored, so the bucket has dropped the record, with what was to be done.
func (t *turn) isLost() bool {
	return t.wake != nil && len(t.arrivals) == 0 && t.user.stored.revision == 0 && record.IsActivityKey(t.user.key)
}

// noteLoss logs the loss of the record of an activity.
func (t *turn) noteLoss() {
	if !t.lost {
		return
	}
	t.deps.Log.Error().Str("vendor", t.vendor.Name).Str("record", t.user.key).
		Msg("the record of an activity was dropped while the activity waited: it may not be carried out; see nats.effects_ttl")
}

// fullPause is the pause of a mailbox that has arrivals in memory, no room for them, and
// nothing that may be called now.
const fullPause = time.Second

// arm sets the timer of the user, unless an earlier one is set.
func (t *turn) arm(ctx context.Context, due time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	generation := t.timers.Load()
	if t.user.armedIn == generation && !t.user.armed.IsZero() && !due.Before(t.user.armed) {
		return nil
	}
	if err := t.deps.Timers.Arm(ctx, t.user.key, due); err != nil {
		return err
	}
	t.user.armed, t.user.armedIn = due, generation
	return nil
}

// settleRegistered settles the arrivals that are registered, and returns the others.
func (t *turn) settleRegistered() (left []*arrival) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.arrivals {
		if !t.isRegistered(a) {
			left = append(left, a)
			continue
		}
		a.done()
	}
	return left
}

// safetyNet sets a timer under a call that lasts long, and settles the registered positions:
// one slow call must not hold back the committed position. The function that it returns
// ends the watch.
func (t *turn) safetyNet(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	timer := time.AfterFunc(longCall, func() {
		defer close(done)
		due := t.deps.Ownership.Now().Add(t.config.CallLease + t.config.CallTimeout)
		if t.arm(ctx, due) == nil {
			t.settleRegistered()
		}
	})
	return func() {
		if !timer.Stop() {
			<-done
		}
	}
}

// retry gives everything of a turn back after a failure of NATS, and pauses the mailbox for
// a growing time. Later arrivals of the user stay behind those of this turn.
func (t *turn) retry(ctx context.Context, err error) {
	t.user.failures++
	delay := min(100*time.Millisecond<<min(t.user.failures, 10), 5*time.Second)
	t.stepFailed(err)
	t.user.stored = stored{} // the store may have the record otherwise
	if unreadable := (unreadableError{}); errors.As(err, &unreadable) && t.user.failures >= unreadableTries && t.giveUp(ctx, err) == nil {
		return
	}
	t.giveBack(t.arrivals, t.wake, t.class)
	t.rest(delay)
}

// rest pauses the mailbox.
func (t *turn) rest(delay time.Duration) {
	t.Mailboxes.mu.Lock()
	defer t.Mailboxes.mu.Unlock()
	t.user.paused = true
	time.AfterFunc(delay, func() {
		t.Mailboxes.mu.Lock()
		defer t.Mailboxes.mu.Unlock()
		t.user.paused = false
		if !t.user.busy {
			t.resume(t.user)
		}
	})
}

// unreadableTries is how often a record that is not one of ours is read before the events of
// the user become dead letters.
const unreadableTries = 5

// giveBack lets the mailbox have a further turn with arrivals and the wake of this one.
func (t *turn) giveBack(left []*arrival, w *wake, c Class) {
	t.Mailboxes.mu.Lock()
	defer t.Mailboxes.mu.Unlock()
	u := t.user
	u.arrivals, u.bytes = append(left[:len(left):len(left)], u.arrivals...), u.bytes+sizeOf(left)
	switch {
	case w == nil:
	case u.wake == nil:
		u.wake = w
	default: // a newer wake came
		t.wakes[w.class]--
	}
	t.enqueue(u, c)
}
