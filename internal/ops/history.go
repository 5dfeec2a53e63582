package ops

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// maxEffects is the number of effects in a History; older effects are only counted.
const maxEffects = 500

// atATime is the number of concurrent requests to NATS.
const atATime = 16

// History is the history of a user.
type History struct {
	UserID   string         `json:"user_id"`
	Accounts []AccountAt    `json:"accounts"`
	Events   []HistoryEvent `json:"events"`         // in the order of the stream, by vendor within
	More     int            `json:"more,omitempty"` // number of older effects
	// Holds are the vendors on hold: later events may not be registered yet.
	Holds map[string]streams.Hold `json:"on_hold,omitempty"`
	// Forgotten is the time of the erasure of the user's data; zero without an erasure, or if the
	// user has come back since.
	Forgotten time.Time `json:"forgotten,omitzero"`

	at map[effectID]int // indices in Events, without dead letters
	// registered holds the position of the last registered event, by vendor.
	registered map[string]events.Position
}

// AccountAt is the account of the user at a vendor.
type AccountAt struct {
	Vendor string `json:"vendor"`
	ID     string `json:"account_id,omitempty"`
	State  string `json:"state"` // active, deleted, unknown, AccountDisabled or AccountLeft
	// DeletedAt is the time at which a disabled account is deleted; nil: never.
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
	Courses   []string   `json:"courses,omitempty"`
}

// HistoryEvent is the effect of an event at a vendor.
type HistoryEvent struct {
	Time     time.Time  `json:"time"` // of the registration; see First
	Vendor   string     `json:"vendor"`
	Type     string     `json:"type"`
	EventID  string     `json:"event_id,omitempty"` // empty if the event is no longer stored
	Source   string     `json:"source,omitempty"`
	Key      string     `json:"key"`
	Course   string     `json:"course,omitempty"`
	State    string     `json:"state"` // an outcome, or one of the states below
	Attempts int        `json:"attempts"`
	Last     *time.Time `json:"last,omitempty"` // of the last attempt; nil until the effect has ended
	Ended    *time.Time `json:"ended,omitempty"`
	Until    *time.Time `json:"until,omitempty"`    // of the next attempt
	GivenUp  *time.Time `json:"given_up,omitempty"` // end of the wait for a prerequisite
	Class    string     `json:"class,omitempty"`    // of a failure, also of the last attempt of an unfinished effect
	Why      string     `json:"why,omitempty"`
	Replay   int        `json:"replay,omitempty"`      // number of the replay
	Result   string     `json:"result,omitempty"`      // id of the result
	Dead     string     `json:"dead_letter,omitempty"` // ID of the dead letter
	Trace    string     `json:"trace_id,omitempty"`    // with traces on

	Action    string   `json:"action,omitempty"` // as in events.Result, with MatchedBy, Changed and Reason
	MatchedBy string   `json:"matched_by,omitempty"`
	Changed   []string `json:"changed,omitempty"`
	Reason    string   `json:"reason,omitempty"`

	// Earlier are the runs before the replay that the other members describe, the oldest first.
	Earlier  []HistoryEvent `json:"earlier,omitempty"`
	SentBack *SentBack      `json:"sent_back,omitempty"` // the beginning of a replay

	stored    time.Time // of the event; zero if the event is no longer stored
	automatic bool      // a replay that no person has sent

	claim uint64     // fencing token of the process at work; 0: none
	later bool       // the deletion of a disabled account, in its grace
	key   record.Key // of the event
	order events.Position
	// unplaced says that order is not known.
	unplaced bool
	begun    time.Time      // start of the wait for an account; zero: no such wait
	behind   *record.Effect // the effect in front
}

// Step returns the step of a finished effect in words, such as "adopted by email" or
// "may: create"; "" without a step.
func (e HistoryEvent) Step() string {
	if e.Action == events.ActionNone {
		return ""
	}
	return events.Result{Action: e.Action, MatchedBy: e.MatchedBy, Reason: e.Reason}.Step()
}

// AccountLeft is the state of an account with a deletion, at a vendor that cannot delete.
const AccountLeft = "still there: the vendor cannot delete"

// AccountDisabled is the state of an account that a deletion has disabled.
const AccountDisabled = "disabled"

// States of an effect without an outcome.
const (
	EffectWaiting = "waiting"
	EffectHeld    = "held" // a person has to approve the deletion
	EffectAtWork  = "at work"
	EffectUnknown = "unknown outcome" // a look-up at the vendor comes first
)

// History returns the history of a user at every vendor. Records hold the present state and the
// unfinished effects, HISTORY the finished effects of accounts, and RESULTS those of activity, at
// places that the memory of activities names. Events are read by position. Only the dead letters
// and the last results are searched: a million stored events do not slow History down. The history
// of an account is kept for nats.history_max_age, activity for activity.memory.
func (s *Service) History(ctx context.Context, user string) (History, error) {
	h := History{UserID: user, Accounts: []AccountAt{}, Events: []HistoryEvent{}, at: map[effectID]int{}, registered: map[string]events.Position{}}
	for _, read := range []func(context.Context, *History) error{s.past, s.accounts, s.activity, s.activityResults, s.deadLetters} {
		if err := read(ctx, &h); err != nil {
			return h, err
		}
	}
	h.sort()
	if n := len(h.Events) - maxEffects; n > 0 {
		h.Events = h.Events[n:]
		h.More += n
	}
	if err := s.identifyEvents(ctx, &h); err != nil {
		return h, err
	}
	for _, read := range []func(context.Context, *History) error{s.replays, s.nameHolders, s.interrupted, s.waits} {
		if err := read(ctx, &h); err != nil {
			return h, err
		}
	}
	return h, nil
}

// history returns the log of finished effects.
func (s *Service) history() *history.Log { return history.New(s.Streams.Client, streams.HistoryStream) }

// past reads the finished effects of the user's accounts.
func (s *Service) past(ctx context.Context, h *History) error {
	entries, err := s.history().User(ctx, record.Digest(h.UserID))
	for _, e := range entries {
		h.add(ended(e))
	}
	return err
}

// accounts reads the records of the user's accounts.
func (s *Service) accounts(ctx context.Context, h *History) error {
	store, err := s.records(ctx, streams.AccountsBucket)
	if err != nil {
		return err
	}
	for _, v := range s.Vendors {
		e, err := store.Load(ctx, record.AccountKey(v.Name, h.UserID))
		if err != nil {
			return err
		}
		h.registered[v.Name] = e.Record.Registered
		if e.Record.UserID == "" {
			if h.Forgotten.Before(e.Record.Forgotten) {
				h.Forgotten = e.Record.Forgotten
			}
			continue
		}
		h.Accounts = append(h.Accounts, account(v.Name, e.Record))
		if err := h.addRecord(e); err != nil {
			return err
		}
	}
	return nil
}

// identifyEvents reads each event once, for its id and the whole key.
func (s *Service) identifyEvents(ctx context.Context, h *History) error {
	at := map[events.Position][]*HistoryEvent{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for _, one := range h.runs() {
		if one.unplaced {
			continue
		}
		at[one.order] = append(at[one.order], one)
	}
	for position, list := range at {
		group.Go(func() error {
			o, err := s.Streams.Events.Original(ctx, position)
			if errors.Is(err, streams.ErrGone) {
				return nil
			}
			if err == nil {
				for _, one := range list {
					one.identify(o.Event)
					one.stored = o.Stored
					one.Trace = s.traceOf(o.Event, one.Key)
				}
			}
			return err
		})
	}
	return group.Wait()
}

// identify sets the id of an event, and the whole key unless set before.
func (e *HistoryEvent) identify(of events.Event) {
	e.EventID, e.Source = of.ID(), of.Source()
	if key := events.Key(of.Source(), of.ID()); record.KeyOf(key) == e.key {
		e.Key = key
	}
}
