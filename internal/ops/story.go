package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

// mostTold is how many effects of a user are told, the newest: a user may have
// done more than anyone wants to read.
const mostTold = 500

// atATime is how many questions NATS is asked at a time.
const atATime = 16

// Story is what is known of a user.
type Story struct {
	UserID   string       `json:"user_id"`
	Accounts []AccountAt  `json:"accounts"`
	Events   []StoryEvent `json:"events"`         // in the order of the stream, by vendor within
	More     int          `json:"more,omitempty"` // older effects that are not told
	// Holds are the vendors that are on hold: of what has come since they may have no
	// record yet.
	Holds map[string]streams.Hold `json:"on_hold,omitempty"`
	// Forgotten is when the user's data were erased; zero where they were not, or the
	// user has come back since.
	Forgotten time.Time `json:"forgotten,omitzero"`

	known map[effectID]bool // the effects in Events, but for dead letters
}

// AccountAt is the user's account at one vendor.
type AccountAt struct {
	Vendor  string   `json:"vendor"`
	ID      string   `json:"account_id,omitempty"`
	State   string   `json:"state"` // active, deleted, unknown or AccountLeft
	Courses []string `json:"courses,omitempty"`
}

// StoryEvent is what one event came to at one vendor.
type StoryEvent struct {
	Time     time.Time  `json:"time"` // when it was first taken up
	Vendor   string     `json:"vendor"`
	Type     string     `json:"type"`
	EventID  string     `json:"event_id,omitempty"` // empty where the event is no longer kept
	Source   string     `json:"source,omitempty"`
	Key      string     `json:"key"`
	Course   string     `json:"course,omitempty"`
	State    string     `json:"state"` // an outcome, or one of Untold
	Attempts int        `json:"attempts"`
	Last     *time.Time `json:"last,omitempty"` // when it was last tried; absent until it has ended
	Ended    *time.Time `json:"ended,omitempty"`
	Until    *time.Time `json:"until,omitempty"`    // when it is tried again
	GivenUp  *time.Time `json:"given_up,omitempty"` // where its prerequisite has not come by then
	Why      string     `json:"why,omitempty"`
	Replay   int        `json:"replay,omitempty"`      // how often a person sent it back
	Result   string     `json:"result,omitempty"`      // the id of its result
	Dead     string     `json:"dead_letter,omitempty"` // its ID

	key    record.Key // of the event
	order  events.Position
	begun  time.Time      // start of the wait for an account; zero if it does not wait for one
	behind *record.Effect // the effect that has to end first
}

// AccountLeft is the state of an account that was to be deleted, at a vendor that
// cannot delete.
const AccountLeft = "still there: the vendor cannot delete"

// The states of an effect that has no outcome yet.
const (
	EffectWaiting = "waiting"
	EffectAtWork  = "at work"
	EffectUnknown = "unknown outcome" // the vendor is asked before anything else
)

// Story reads the history of a user at every vendor: each account's record for the present
// state and for the effects that are not finished, the stream of history for those that are,
// the records under the user's digest for activity, and each event by its position. Of the
// streams Story searches only the dead letters: an event that is at fault leaves nothing
// else. So Story is as fast with a million events stored as with ten. The history of an
// account is kept for nats.history_max_age, activity for nats.effects_ttl.
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
	if err := s.look(ctx, d.Streams.Events); err != nil {
		return s, err
	}
	return s, d.waits(ctx, &s)
}

// history returns the log of finished effects.
func (d *Desk) history() *history.Log { return history.New(d.Streams.Client, streams.HistoryStream) }

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
	store, err := d.records(ctx, streams.AccountsBucket)
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
	store, err := d.records(ctx, streams.EffectsBucket)
	if err != nil {
		return err
	}
	keys, err := store.Keys(ctx, record.ActivityKeys(s.UserID))
	if err != nil {
		return err
	}
	entries := make([]recordstore.Entry, len(keys))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, key := range keys { // all of them: only the records say which effects are the newest
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

// look reads each event once, for its id and the whole key.
func (s *Story) look(ctx context.Context, stored *streams.Events) error {
	at := map[events.Position][]*StoryEvent{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i := range s.Events {
		one := &s.Events[i]
		at[one.order] = append(at[one.order], one)
	}
	for place, told := range at {
		group.Go(func() error {
			o, err := stored.Original(ctx, place)
			if errors.Is(err, streams.ErrGone) {
				return nil
			}
			if err == nil {
				for _, one := range told {
					one.identify(o.Event)
				}
			}
			return err
		})
	}
	return group.Wait()
}

// identify notes the id of an event. A whole key that came from elsewhere stays.
func (e *StoryEvent) identify(of events.Event) {
	e.EventID, e.Source = of.ID(), of.Source()
	if key := events.Key(of.Source(), of.ID()); record.KeyOf(key) == e.key {
		e.Key = key
	}
}
