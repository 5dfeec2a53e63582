package mailbox

import (
	"context"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// register registers arrivals up to the first that is refused, and returns the rest.
func (t *turn) register(r *record.Record, list []*arrival, now time.Time) ([]*arrival, record.Refusal) {
	n := slices.IndexFunc(list, func(a *arrival) bool { return a.rejected != nil })
	if n < 0 {
		n = len(list)
	}
	batch := make([]record.Arrival, n)
	for i, a := range list[:n] {
		batch[i] = a.Arrival
	}
	rest, why := r.Register(batch, now, t.limits)
	return list[n-len(rest):], why
}

// unregistered returns the arrivals that the record does not have.
func (t *turn) unregistered(r *record.Record) (list []*arrival) {
	for _, a := range t.arrivals {
		if a.Replay > 0 || r.Registered.Before(a.Position) {
			list = append(list, a)
		}
	}
	return list
}

// settleFinished settles the arrivals that need nothing any more: finished with a result
// that is out, or known before. The message of such a replay is removed, and so is a second
// message of a replay that is pending: the end of the effect removes the first alone.
func (t *turn) settleFinished(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := 0; i < len(t.arrivals); {
		a := t.arrivals[i]
		if pending := t.pending(a); !t.isRegistered(a) || pending != nil && pending.ReplaySeq == a.ReplaySeq {
			i++
			continue
		}
		if a.Replay > 0 {
			if err := t.deps.Replays.Remove(ctx, a.ReplaySeq); err != nil {
				return err
			}
		}
		a.done()
		t.arrivals = slices.Delete(t.arrivals, i, i+1)
	}
	return nil
}

// isRegistered reports whether the record has the arrival.
func (t *turn) isRegistered(a *arrival) bool {
	r := t.user.stored.record
	if a.Replay == 0 {
		return !r.Registered.Before(a.Position)
	}
	rejection := a.rejection()
	return r.Has(a.Key, a.Replay) || r.Has(rejection.Key, a.Replay)
}

// pending returns the effect of an arrival if it is pending, and nil otherwise.
func (t *turn) pending(a *arrival) *record.Effect {
	list := t.user.stored.record.Pending
	i := slices.IndexFunc(list, func(e record.Effect) bool {
		return e.Key == a.Key && e.Replay == a.Replay && (a.Replay > 0 || e.Position == a.Position)
	})
	if i < 0 {
		return nil
	}
	return &list[i]
}

// arrivalOf returns the arrival of an effect if it is in hand, and nil otherwise.
func (t *turn) arrivalOf(e *record.Effect) *arrival {
	for _, a := range t.arrivals {
		if a.Replay == e.Replay && ((a.Replay == 0 && a.Position == e.Position) || (a.Replay > 0 && a.Key == e.Key)) {
			return a
		}
	}
	return nil
}
