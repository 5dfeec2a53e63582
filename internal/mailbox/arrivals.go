package mailbox

import (
	"context"
	"errors"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// arrival is an event in hand, from delivery to the end of a turn.
type arrival struct {
	record.Arrival

	event *Event
	size  int64 // of the arrival in memory, in bytes
	// settle tells the reader once: the event is finished, or registered with a timer.
	settle  func()
	settled bool
	// ours says that this ownership has registered the event. A former owner may have
	// registered any other event with a timer, and may still commit the position.
	ours bool
	// rejected is the outcome if the record refuses the arrival; deadLettered says that the dead
	// letter is stored.
	rejected     *record.Outcome
	deadLettered bool
}

// arrivalBytes is the memory of an arrival beside the payload, about.
const arrivalBytes = 512

func sizeOf(list []*arrival) (bytes int64) {
	for _, a := range list {
		bytes += a.size
	}
	return bytes
}

// done settles the arrival unless the arrival is settled.
func (a *arrival) done() {
	if !a.settled {
		a.settled = true
		a.settle()
	}
}

// rejection returns the arrival as the record gets a rejected arrival.
func (a *arrival) rejection() record.Arrival {
	r := a.Arrival
	r.Key = record.KeyOf(a.event.Key)
	return r
}

// isRegistered reports whether a record has the arrival.
func (a *arrival) isRegistered(r *record.Record) bool {
	if a.Replay == 0 {
		return !r.Registered.Before(a.Position)
	}
	return r.Has(a.Key, a.Replay) || r.Has(a.rejection().Key, a.Replay)
}

// pending returns the pending effect of the arrival, and nil without one.
func (a *arrival) pending(r *record.Record) *record.Effect {
	i := slices.IndexFunc(r.Pending, func(e record.Effect) bool {
		return e.Key == a.Key && e.Replay == a.Replay && (a.Replay > 0 || e.Position == a.Position)
	})
	if i < 0 {
		return nil
	}
	return &r.Pending[i]
}

// hand holds the arrivals of a turn.
type hand struct {
	*parts
	list []*arrival
}

// of returns the arrival of an effect if the arrival is in hand, and nil otherwise.
func (h *hand) of(e *record.Effect) *arrival {
	if e.Origin != "" { // a later deletion never arrives
		return nil
	}
	for _, a := range h.list {
		if a.Replay == e.Replay && ((a.Replay == 0 && a.Position == e.Position) || (a.Replay > 0 && a.Key == e.Key)) {
			return a
		}
	}
	return nil
}

// settleFinished settles the arrivals that need nothing more: finished with a published result, or
// known before. The message of such a replay is removed, with the dead letter, and so is a second
// message of a pending replay: the end of the effect removes only the first message.
func (h *hand) settleFinished(ctx context.Context, r *record.Record) error {
	for i := 0; i < len(h.list); {
		a := h.list[i]
		if pending := a.pending(r); !a.isRegistered(r) || pending != nil && pending.ReplaySeq == a.ReplaySeq {
			i++
			continue
		}
		if a.Replay > 0 {
			err := h.settleLetter(ctx, r, a)
			if err == nil {
				err = h.deps.Replays.Remove(ctx, a.ReplaySeq)
			}
			if err != nil {
				return err
			}
		}
		a.done()
		h.list = slices.Delete(h.list, i, i+1)
	}
	return nil
}

// settleLetter ends an older dead letter of a replay that has ended before, such as of a restored
// stream: the letter leaves, or waits for the next replay. A letter that the replay itself has left stays.
func (h *hand) settleLetter(ctx context.Context, r *record.Record, a *arrival) error {
	outcome, ended := r.Ended(a.Key, a.Replay)
	switch {
	case !ended:
		return nil
	case outcome == events.Failed:
		return h.deps.DeadLetters.Reopen(ctx, h.vendor.Name, a.Type, a.event.Key, a.Replay)
	}
	return h.deps.DeadLetters.RemoveEnded(ctx, h.vendor.Name, a.Type, a.event.Key, a.Replay-1)
}

// settleRegistered settles the registered arrivals, and returns the others.
func (h *hand) settleRegistered(r *record.Record) (left []*arrival) {
	for _, a := range h.list {
		if a.isRegistered(r) {
			a.done()
		} else {
			left = append(left, a)
		}
	}
	return left
}

// holds reports whether an arrival in hand holds back the position of a pending effect.
func (h *hand) holds(e *record.Effect) bool {
	a := h.of(e)
	return a != nil && !a.settled && a.ours
}

// holdsBack reports whether the arrivals in hand hold back the position of every pending effect, so that
// the next owner reads the events again after a crash, without a timer.
func (h *hand) holdsBack(r *record.Record) bool {
	for i := range r.Pending {
		if !h.holds(&r.Pending[i]) {
			return false
		}
	}
	return r.Claim == nil && !r.HasReturns()
}

// errUndelivered says that the stream of replays has not been read up to the replay.
var errUndelivered = errors.New("the replay is not delivered yet")

// event returns the event of an effect: from the arrivals in hand, or from the streams.
func (h *hand) event(ctx context.Context, e *record.Effect) (*Event, error) {
	if a := h.of(e); a != nil {
		return a.event.as(e), nil
	}
	var message Message
	var err error
	switch {
	case e.Origin != "":
		return h.laterEvent(e)
	case !e.Delivered():
		return nil, errUndelivered
	case e.Replay > 0:
		message, err = h.deps.Replays.Get(ctx, e.ReplaySeq)
	default:
		message, err = h.deps.Events.Get(ctx, e.Position)
	}
	if err != nil {
		return nil, err
	}
	event := h.read(message, e.Replay).as(e)
	if e.Replay > 0 && !event.isReplayOf(e) {
		return nil, ErrGone
	}
	return event, nil
}

// as returns the event of an effect. A rejected event with a reused id has another key than
// the key of source and id.
func (e *Event) as(effect *record.Effect) *Event {
	if record.KeyOf(e.Key) == effect.Key {
		return e
	}
	other := *e
	other.Key = reusedKey(e)
	return &other
}

// isReplayOf reports whether the event is the replay of an effect. The stream of replays may
// have been made anew: another message then has the sequence.
func (e *Event) isReplayOf(effect *record.Effect) bool {
	r, ok := streams.ReadReplayHeader(e.Message.Header)
	return ok && r.Number == effect.Replay && record.KeyOf(e.Key) == effect.Key
}
