package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
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
	Holds map[string]bus.Hold `json:"on_hold,omitempty"`
	// Forgotten is when the user's data were erased; zero where they were not, or the
	// user has come back since.
	Forgotten time.Time `json:"forgotten,omitzero"`
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
	Last     *time.Time `json:"last,omitempty"` // when it was last tried
	Ended    *time.Time `json:"ended,omitempty"`
	Until    *time.Time `json:"until,omitempty"`    // when it is tried again
	GivenUp  *time.Time `json:"given_up,omitempty"` // where its prerequisite has not come by then
	Why      string     `json:"why,omitempty"`
	Replay   int        `json:"replay,omitempty"`      // how often a person sent it back
	Result   string     `json:"result,omitempty"`      // the id of its result
	Dead     string     `json:"dead_letter,omitempty"` // its ID

	order ledger.Order
	begun time.Time // from when its age counts; set where it waits for its prerequisite
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

// Story reads what is known of a user at every vendor: the lifecycle from the
// account's record, activity from the records under the user's digest, and each
// event by its place in the stream. Of the streams it searches only the dead letters:
// what is at fault itself is not in the ledger. So it is as fast with a million events
// stored as with ten. It tells what the ledger remembers: the lifecycle for good (of
// each account the last ledger.MostPast effects), activity for nats.effects_ttl.
func (d *Desk) Story(ctx context.Context, user string) (Story, error) {
	s := Story{UserID: user, Accounts: []AccountAt{}, Events: []StoryEvent{}}
	if err := d.lifecycle(ctx, &s); err != nil {
		return s, err
	}
	if err := d.activity(ctx, &s); err != nil {
		return s, err
	}
	if err := d.graves(ctx, &s); err != nil {
		return s, err
	}
	if err := d.waits(ctx, &s); err != nil {
		return s, err
	}
	slices.SortStableFunc(s.Events, func(a, b StoryEvent) int { return a.order.Compare(b.order) })
	if n := len(s.Events) - mostTold; n > 0 {
		s.Events, s.More = s.Events[n:], n
	}
	return s, s.look(ctx, d.Bus)
}

// lifecycle reads the records of the user's accounts.
func (d *Desk) lifecycle(ctx context.Context, s *Story) error {
	book, err := d.book(ctx, bus.AccountsKV)
	if err != nil {
		return err
	}
	for _, v := range d.Vendors {
		record, err := book.Read(ctx, ledger.AccountKey(v.Name, s.UserID))
		if err != nil {
			return err
		}
		if record.UserID == "" {
			if s.Forgotten.Before(record.Forgotten) {
				s.Forgotten = record.Forgotten
			}
			continue
		}
		s.Accounts = append(s.Accounts, account(v.Name, record))
		for i := range record.Past {
			s.Events = append(s.Events, effectOf(v.Name, &record, &record.Past[i]))
		}
		for i := range record.Effects {
			s.Events = append(s.Events, effectOf(v.Name, &record, &record.Effects[i]))
		}
	}
	return nil
}

// activity reads the records of what the user did.
func (d *Desk) activity(ctx context.Context, s *Story) error {
	book, err := d.book(ctx, bus.EffectsKV)
	if err != nil {
		return err
	}
	keys, err := d.Bus.Keys(ctx, bus.EffectsKV, ledger.EffectsOf(s.UserID))
	if err != nil {
		return err
	}
	records := make([]ledger.Account, len(keys))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, key := range keys { // of more than are told, the others too: only the records say which are the newest
		group.Go(func() (err error) {
			records[i], err = book.Read(reading, key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range records {
		if !records[i].Forgotten.IsZero() {
			continue
		}
		for k := range records[i].Effects {
			s.Events = append(s.Events, effectOf(ledger.VendorOf(keys[i]), &records[i], &records[i].Effects[k]))
		}
	}
	return nil
}

func account(vendor string, r ledger.Account) AccountAt {
	a := AccountAt{Vendor: vendor, ID: r.AccountID, State: string(r.State)}
	switch {
	case r.State == ledger.Unknown:
		a.State = "unknown"
	case r.State == ledger.Deleted && undeleted(r):
		a.State, a.ID = AccountLeft, r.Former
	}
	for course, c := range r.Courses {
		if c.Enrolled {
			a.Courses = append(a.Courses, course)
		}
	}
	slices.Sort(a.Courses)
	return a
}

// undeleted tells whether the deletion that the record holds was none.
func undeleted(r ledger.Account) bool {
	return slices.ContainsFunc(slices.Concat(r.Past, r.Effects), func(e ledger.Effect) bool {
		return e.Order == r.Deleted && e.Outcome != nil && e.Outcome.Kind == events.Unsupported
	})
}

// effectOf says what an effect came to so far.
func effectOf(vendor string, r *ledger.Account, e *ledger.Effect) StoryEvent {
	s := StoryEvent{
		Time: e.First, Vendor: vendor, Type: e.Type, Key: e.Key, Course: e.Course,
		Attempts: e.Attempts, Replay: e.Replay, order: e.Order,
	}
	if !e.Last.IsZero() {
		s.Last = &e.Last
	}
	switch {
	case e.Outcome != nil:
		s.State, s.Ended, s.Why = e.Outcome.Kind, &e.Outcome.At, e.Outcome.Message
		s.Result = events.ResultID(e.Key, vendor, e.Replay)
		return s
	case e.Unsettled:
		s.State = EffectUnknown
	case r.Claim != nil && r.Claim.Key == e.Key:
		s.State = EffectAtWork
	default:
		s.State = EffectWaiting
	}
	if e.Due.After(time.Now()) {
		s.Until = &e.Due
	}
	other, held := r.WaitsFor(e.Key)
	switch {
	case held:
		s.Why = fmt.Sprintf("waits for the %s before it (event key %s)", other.Type, other.Key)
	case e.Prerequisite:
		s.Why, s.begun = handlers.ErrNoAccount.Error(), e.Begun
	}
	return s
}

// look reads the ids of the events, each event once, and finds the dead letters.
func (s *Story) look(ctx context.Context, b *bus.Bus) error {
	at := map[ledger.Order][]*StoryEvent{}
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
			for _, one := range told {
				one.EventID, one.Source = e.ID(), e.Source()
			}
			return err
		})
	}
	return group.Wait()
}
