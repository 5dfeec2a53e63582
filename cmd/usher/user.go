package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ledger"
)

type userCmd struct {
	ID   string `arg:"" help:"The user_id, as the events have it."`
	JSON bool   `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (userCmd) Help() string {
	return `Tells why Ada is, or is not, in the LMS: her account at each vendor, and what every creation, deletion and
enrolment came to: done, waiting (for what, until when), or a dead letter.
It reads the ledger, and each event by its place: as fast with a million events as with ten. The ledger
remembers what has ended for twice max_age, two days by default; older results: usher results --user ID.
Activity is not told here: it leaves nothing at an account.

Examples:
  usher user ada
  usher user ada --json | jq '.events[] | select(.state == "waiting")'`
}

// story is what is known of a user.
type story struct {
	UserID   string       `json:"user_id"`
	Accounts []accountAt  `json:"accounts"`
	Events   []storyEvent `json:"events"` // in the order of the stream, by vendor within
}

// accountAt is the user's account at one vendor.
type accountAt struct {
	Vendor  string   `json:"vendor"`
	ID      string   `json:"account_id,omitempty"`
	State   string   `json:"state"` // active, deleted or unknown
	Courses []string `json:"courses,omitempty"`
}

// storyEvent is what one event came to at one vendor.
type storyEvent struct {
	Time     time.Time  `json:"time"` // when it was first taken up
	Vendor   string     `json:"vendor"`
	Type     string     `json:"type"`
	EventID  string     `json:"event_id,omitempty"` // empty where the event is no longer kept
	Key      string     `json:"key"`
	Course   string     `json:"course,omitempty"`
	State    string     `json:"state"` // an outcome, "waiting", "at work", or "unknown outcome"
	Attempts int        `json:"attempts"`
	Ended    *time.Time `json:"ended,omitempty"`
	Until    *time.Time `json:"until,omitempty"` // when it is tried again
	Why      string     `json:"why,omitempty"`
	Dead     string     `json:"dead_letter,omitempty"` // its ID

	order ledger.Order
}

// Run tells the story.
func (u userCmd) Run(ctx context.Context, a *app) error {
	c, b, end, err := a.reach(ctx)
	if err != nil {
		return err
	}
	defer end()
	s, err := storyOf(ctx, b, c, u.ID)
	if err != nil {
		return missing(err)
	}
	if u.JSON {
		return writeJSON(a.Stdout, s)
	}
	return s.tell(a)
}

// storyOf reads what the ledger knows of a user at every vendor.
func storyOf(ctx context.Context, b *bus.Bus, c config.Config, user string) (story, error) {
	s := story{UserID: user, Accounts: []accountAt{}, Events: []storyEvent{}}
	accounts, err := b.Bucket(ctx, bus.AccountsKV)
	if err != nil {
		return s, err
	}
	book := &ledger.Book{Store: ledger.KV{Bucket: accounts}, Timeout: bus.CallTimeout}
	for _, v := range vendorList(&c) {
		record, err := book.Read(ctx, ledger.AccountKey(v.name, user))
		if err != nil {
			return s, err
		}
		if record.UserID == "" {
			continue
		}
		s.Accounts = append(s.Accounts, account(v.name, record))
		for i := range record.Effects {
			s.Events = append(s.Events, effectOf(v.name, &record, &record.Effects[i]))
		}
	}
	slices.SortStableFunc(s.Events, func(a, b storyEvent) int { return a.order.Compare(b.order) })
	return s, s.look(ctx, b)
}

func account(vendor string, r ledger.Account) accountAt {
	a := accountAt{Vendor: vendor, ID: r.AccountID, State: string(r.State)}
	if r.State == ledger.Unknown {
		a.State = "unknown"
	}
	for course, c := range r.Courses {
		if c.Enrolled {
			a.Courses = append(a.Courses, course)
		}
	}
	slices.Sort(a.Courses)
	return a
}

// effectOf says what an effect came to so far.
func effectOf(vendor string, r *ledger.Account, e *ledger.Effect) storyEvent {
	s := storyEvent{Time: e.First, Vendor: vendor, Type: e.Type, Key: e.Key, Course: e.Course, Attempts: e.Attempts, order: e.Order}
	switch {
	case e.Outcome != nil:
		s.State, s.Ended, s.Why = e.Outcome.Kind, &e.Outcome.At, e.Outcome.Message
		return s
	case e.Unsettled:
		s.State = "unknown outcome"
	case r.Claim != nil && r.Claim.Key == e.Key:
		s.State = "at work"
	default:
		s.State = "waiting"
	}
	if e.Due.After(time.Now()) {
		s.Until = &e.Due
	}
	other, held := r.WaitsFor(e.Key)
	switch {
	case held:
		s.Why = fmt.Sprintf("waits for the %s before it (event key %s)", other.Type, other.Key)
	case e.Prerequisite:
		s.Why = "the user has no account at this vendor yet"
	}
	return s
}

// look reads the ids of the events, and finds the dead letters.
func (s *story) look(ctx context.Context, b *bus.Bus) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range s.Events {
		one := &s.Events[i]
		group.Go(func() error {
			e, err := b.Event(ctx, one.order.Epoch, one.order.Seq)
			if err == nil {
				one.EventID = e.ID()
			} else if !errors.Is(err, bus.ErrGone) {
				return err
			}
			d, err := b.DeadLetterOf(ctx, one.Vendor, one.Type, one.Key)
			if err == nil {
				one.Dead = d.ID()
			} else if !errors.Is(err, bus.ErrNoDeadLetter) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

func (s story) tell(a *app) error {
	if len(s.Accounts) == 0 {
		_, err := fmt.Fprintf(a.Stderr, "no vendor was ever asked for anything about %s; is that the user_id of the events?\n", harmless(s.UserID, ""))
		return err
	}
	var rows [][]string
	for _, at := range s.Accounts {
		rows = append(rows, []string{at.Vendor, at.State, at.ID, fmt.Sprint(len(at.Courses))})
	}
	if err := a.print([]string{"vendor", "account", "id", "courses"}, rows); err != nil {
		return err
	}
	rows = nil
	for _, e := range s.Events {
		rows = append(rows, []string{e.Time.UTC().Format(time.RFC3339), e.Type, e.EventID, e.Vendor, e.State, fmt.Sprint(e.Attempts), e.said()})
	}
	if len(rows) == 0 {
		return nil
	}
	return a.print([]string{"first taken up", "type", "event", "vendor", "state", "attempts", "why"}, rows)
}

// said is why it stands as it does, and what to look at.
func (e storyEvent) said() string {
	var said []string
	if e.Why != "" {
		said = append(said, e.Why)
	}
	if e.Until != nil {
		said = append(said, "until "+e.Until.UTC().Format(time.RFC3339))
	}
	if e.Dead != "" {
		said = append(said, "usher dead show "+e.Dead)
	}
	return strings.Join(said, "; ")
}
