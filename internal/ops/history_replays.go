package ops

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// Limits of the audit log in a history: the newest replays of a user have the name of a person, and each
// name is looked for in few actions.
const (
	maxNamedReplays = 16
	maxActionsRead  = 500
)

// SentBack is the beginning of a replay.
type SentBack struct {
	At  time.Time `json:"at"`            // of the action; without a known person, of the registration
	Who string    `json:"who,omitempty"` // empty if unknown, or for an automatic replay
	Why string    `json:"why,omitempty"`
}

// First returns the time of the registration, or of the first registration before a replay. An event that
// was at fault has no registration before the replay: the time of the storage counts.
func (e HistoryEvent) First() time.Time {
	switch {
	case len(e.Earlier) > 0:
		return e.Earlier[0].Time
	case e.SentBack != nil && !e.stored.IsZero():
		return e.stored
	default:
		return e.Time
	}
}

// Runs returns the event itself and its replays, in order. The last run has the present state.
func (e HistoryEvent) Runs() []HistoryEvent {
	last := e
	last.Earlier = nil
	return append(slices.Clone(e.Earlier), last)
}

// SentBackBy returns the beginning of a replay in words; "" for the event itself, and for a resync.
func (e HistoryEvent) SentBackBy() string {
	if e.SentBack == nil {
		return ""
	}
	text := "sent back"
	switch {
	case e.automatic:
		text += " automatically: the account has come"
	case e.SentBack.Who != "":
		text += " by " + e.SentBack.Who
	default:
		text += ", replay " + strconv.Itoa(e.Replay)
	}
	if e.SentBack.Why != "" {
		text += ": " + e.SentBack.Why
	}
	return text
}

// add adds an effect, unless the history has the effect already. A replay stands behind the earlier runs
// of its effect.
func (h *History) add(e HistoryEvent) {
	id := effectID{e.Vendor, e.key}
	i, known := h.at[id]
	if !known {
		h.at[id] = len(h.Events)
		h.Events = append(h.Events, e)
		return
	}
	runs := h.Events[i].Runs()
	at, known := slices.BinarySearchFunc(runs, e, func(a, b HistoryEvent) int { return cmp.Compare(a.Replay, b.Replay) })
	if known {
		return
	}
	runs = slices.Insert(runs, at, e)
	last := len(runs) - 1
	h.Events[i] = runs[last]
	h.Events[i].Earlier = runs[:last:last]
}

// runs returns every run of every effect.
func (h *History) runs() (list []*HistoryEvent) {
	for i := range h.Events {
		for n := range h.Events[i].Earlier {
			list = append(list, &h.Events[i].Earlier[n])
		}
		list = append(list, &h.Events[i])
	}
	return list
}

// replays sets the beginnings of the replays. The names of people are in the audit log, between the end
// of the run before and the registration of the replay. Without a right to read the log, names are missing.
func (s *Service) replays(ctx context.Context, h *History) error {
	var before *HistoryEvent
	type replay struct {
		run   *HistoryEvent
		since time.Time
	}
	var list []replay
	for _, run := range h.runs() {
		again := before != nil && before.Vendor == run.Vendor && before.key == run.key
		since := run.Time.Add(-time.Minute)
		if again && before.Ended != nil {
			since = *before.Ended
		}
		if again {
			run.SentBack = &SentBack{At: run.Time}
		}
		if run.Replay > 0 && !run.automatic {
			list = append(list, replay{run, since})
		}
		before = run
	}
	slices.SortStableFunc(list, func(a, b replay) int { return b.run.Time.Compare(a.run.Time) })
	for _, r := range list[:min(len(list), maxNamedReplays)] {
		if act, ok := s.replayed(ctx, r.run, r.since); ok {
			r.run.sent(SentBack{At: act.At, Who: act.Who, Why: act.Why})
		}
	}
	return ctx.Err()
}

// sent sets the beginning of a replay. The failure of an event at fault has the time of the event, also
// after a replay: the failure before is a run of its own.
func (e *HistoryEvent) sent(by SentBack) {
	e.SentBack = &by
	if e.Vendor != streams.EventPlace || e.Ended == nil || !e.Ended.Before(by.At) {
		return
	}
	first := *e
	first.Replay, first.SentBack, first.Dead, first.Why = 0, nil, "", "the event was at fault"
	e.Earlier, e.Time, e.Last, e.Ended = []HistoryEvent{first}, by.At, &by.At, &by.At
}

// replayed returns the action that has sent a replay, among the first actions since then.
func (s *Service) replayed(ctx context.Context, run *HistoryEvent, since time.Time) (act streams.Action, ok bool) {
	n := 0
	for a, err := range s.Streams.Audit.List(ctx, streams.AuditQuery{Since: since}) {
		if n++; err != nil || n > maxActionsRead || run.Dead == "" && a.At.After(run.Time) {
			break
		}
		place := a.Vendor == run.Vendor || a.Vendor == streams.EventPlace
		if place && a.Kind == streams.DeadReplayed && a.Replay == run.Replay && record.KeyOf(a.Key) == run.key {
			act, ok = a.Action, true // the last one counts: an action that NATS refused is listed, too
		}
	}
	return act, ok
}
