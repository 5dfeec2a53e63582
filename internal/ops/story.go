package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
)

// mostTold is the number of effects in a Story; older effects are only counted.
const mostTold = 500

// atATime is the number of concurrent requests to NATS.
const atATime = 16

// Story is the history of a user.
type Story struct {
	UserID   string       `json:"user_id"`
	Accounts []AccountAt  `json:"accounts"`
	Events   []StoryEvent `json:"events"`         // in order of the stream, then by vendor
	More     int          `json:"more,omitempty"` // older effects left out
	// Holds are the vendors on hold: newer events may not be registered there yet.
	Holds map[string]bus.Hold `json:"on_hold,omitempty"`
	// Forgotten is the time of the erasure of the user; zero if the user was not erased, or has
	// come back since.
	Forgotten time.Time `json:"forgotten,omitzero"`

	known map[effectID]bool // the effects in Events, without dead letters
}

// AccountAt is the account of the user at a vendor.
type AccountAt struct {
	Vendor  string   `json:"vendor"`
	ID      string   `json:"account_id,omitempty"`
	State   string   `json:"state"` // active, deleted, unknown or AccountLeft
	Courses []string `json:"courses,omitempty"`
}

// StoryEvent is the effect of an event at a vendor.
type StoryEvent struct {
	Time     time.Time  `json:"time"` // of the registration
	Vendor   string     `json:"vendor"`
	Type     string     `json:"type"`
	EventID  string     `json:"event_id,omitempty"` // empty if the event is no longer stored
	Source   string     `json:"source,omitempty"`
	Key      string     `json:"key"`
	Course   string     `json:"course,omitempty"`
	State    string     `json:"state"` // an outcome, or one of Untold
	Attempts int        `json:"attempts"`
	Last     *time.Time `json:"last,omitempty"` // of the last attempt; nil until the effect has ended
	Ended    *time.Time `json:"ended,omitempty"`
	Until    *time.Time `json:"until,omitempty"`    // of the next attempt
	GivenUp  *time.Time `json:"given_up,omitempty"` // end of the wait for a prerequisite
	Why      string     `json:"why,omitempty"`
	Replay   int        `json:"replay,omitempty"`      // number of the replay
	Result   string     `json:"result,omitempty"`      // id of the result
	Dead     string     `json:"dead_letter,omitempty"` // ID of the dead letter

	key    record.Key // of the event
	order  events.Position
	begun  time.Time      // start of the wait for an account; zero: no such wait
	behind *record.Effect // the effect in front
}

// AccountLeft is the state of an account with a deletion, at a vendor that cannot delete.
const AccountLeft = "still there: the vendor cannot delete"

// States of an effect without an outcome.
const (
	EffectWaiting = "waiting"
	EffectAtWork  = "at work"
	EffectUnknown = "unknown outcome" // a look-up at the vendor comes first
)

// Story returns the history of a user at every vendor. Records hold the present state and the
// unfinished effects, and the records under the digest of the user the activity; HISTORY holds the
// finished effects. Events are read by position. Only the dead letters are searched, since an
// invalid event has no other trace: a million stored events do not slow Story down. The history
// of an account is kept for nats.history_max_age, activity for nats.effects_ttl.
func (d *Desk) Story(ctx context.Context, user string) (Story, error) {
	s := Story{UserID: user, Accounts: []AccountAt{}, Events: []StoryEvent{}, known: map[effectID]bool{}}
	for _, read := range []func(context.Context, *Story) error{d.past, d.accounts, d.activity, d.graves} {
		if err := read(ctx, &s); err != nil {
			return s, err
		}
	}
	slices.SortStableFunc(s.Events, func(a, b StoryEvent) int { return a.order.Compare(b.order) })
	if n := len(s.Events) - mostTold; n > 0 {
		s.Events, s.More = s.Events[n:], n
	}
	if err := s.look(ctx, d.Bus); err != nil {
		return s, err
	}
	if err := d.nameHolders(ctx, &s); err != nil {
		return s, err
	}
	return s, d.waits(ctx, &s)
}

// history returns the log of finished effects.
func (d *Desk) history() *history.Log { return history.New(d.streams(), bus.HistoryStream) }

// past reads the finished effects of the user's accounts.
func (d *Desk) past(ctx context.Context, s *Story) error {
	entries, err := d.history().User(ctx, record.Digest(s.UserID))
	for _, e := range entries {
		s.add(ended(e))
	}
	return err
}

// accounts reads the records of the user's accounts.
func (d *Desk) accounts(ctx context.Context, s *Story) error {
	store, err := d.records(ctx, bus.AccountsKV)
	if err != nil {
		return err
	}
	for _, v := range d.Vendors {
		e, err := store.Load(ctx, record.AccountKey(v.Name, s.UserID))
		if err != nil {
			return err
		}
		if e.Record.UserID == "" {
			if s.Forgotten.Before(e.Record.Forgotten) {
				s.Forgotten = e.Record.Forgotten
			}
			continue
		}
		s.Accounts = append(s.Accounts, account(v.Name, e.Record))
		if err := s.addRecord(e); err != nil {
			return err
		}
	}
	return nil
}

// activity reads the records of the user's activity.
func (d *Desk) activity(ctx context.Context, s *Story) error {
	store, err := d.records(ctx, bus.EffectsKV)
	if err != nil {
		return err
	}
	keys, err := d.Bus.Keys(ctx, bus.EffectsKV, record.ActivityKeys(s.UserID))
	if err != nil {
		return err
	}
	entries := make([]recordstore.Entry, len(keys))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, key := range keys { // all keys: only the records have the times of the effects
		group.Go(func() (err error) {
			entries[i], err = store.Load(reading, key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, e := range entries {
		if err := s.addRecord(e); err != nil {
			return err
		}
	}
	return nil
}

// look reads each event once, for the id and the whole key.
func (s *Story) look(ctx context.Context, b *bus.Bus) error {
	at := map[events.Position][]*StoryEvent{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i := range s.Events {
		one := &s.Events[i]
		at[one.order] = append(at[one.order], one)
	}
	for place, told := range at {
		group.Go(func() error {
			e, err := b.Event(ctx, place.Epoch, place.Seq)
			if errors.Is(err, bus.ErrGone) {
				return nil
			}
			if err == nil {
				for _, one := range told {
					one.identify(e)
				}
			}
			return err
		})
	}
	return group.Wait()
}

// identify sets the id of an event, and the whole key unless set before.
func (e *StoryEvent) identify(of events.Event) {
	e.EventID, e.Source = of.ID(), of.Source()
	if key := events.Key(of.Source(), of.ID()); record.KeyOf(key) == e.key {
		e.Key = key
	}
}
