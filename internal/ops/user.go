package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/streams"
)

// User is the history of a user, and the state of the user at each vendor.
type User struct {
	History
	// Vendors has one line for each vendor: first the vendors in use, in the order of the catalog.
	Vendors []UserAtVendor `json:"vendors"`
	// Unsearched is the number of stored events behind the last searched event, for events of
	// the user; see mostUnread.
	Unsearched uint64 `json:"unsearched,omitempty"`

	scoped map[string]bool // vendors with the rule scope
}

// Known reports whether anything is known of the user: an account, an event, or an erasure.
func (u User) Known() bool {
	asked := func(v UserAtVendor) bool { return v.Unread > 0 }
	return len(u.Accounts)+len(u.Events) > 0 || !u.Forgotten.IsZero() || slices.ContainsFunc(u.Vendors, asked)
}

// Unfinished reports whether an effect of the user is unfinished, or an event not yet read.
func (u User) Unfinished() bool {
	open := func(e HistoryEvent) bool { return e.Ended == nil && !e.later }
	waits := func(v UserAtVendor) bool { return v.Unread > 0 && v.State != UserOff }
	return slices.ContainsFunc(u.Events, open) || slices.ContainsFunc(u.Vendors, waits)
}

// UserAtVendor is the state of a user at a vendor: the answer to "why is Ada not in the LMS?".
type UserAtVendor struct {
	Vendor  string `json:"vendor"`
	State   string `json:"state"`             // one of the states below
	Mode    string `json:"mode"`              // of the vendor: live, shadow or off
	Account string `json:"account,omitempty"` // the state of the account, as in AccountAt
	Why     string `json:"why,omitempty"`
	Do      string `json:"do,omitempty"` // the remedy, in words or as a command
	// Type and EventID name the event that decides the state; Key is empty without an event.
	Type     string     `json:"type,omitempty"`
	EventID  string     `json:"event_id,omitempty"`
	Key      string     `json:"key,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	Until    *time.Time `json:"until,omitempty"` // of a pause, of the wait for a person, or until the next attempt
	Attempts int        `json:"attempts,omitempty"`
	Class    string     `json:"class,omitempty"`       // of the failure
	Rule     string     `json:"rule,omitempty"`        // the key of the rule that keeps the user out
	Ahead    uint64     `json:"ahead"`                 // stored events that the vendor's process reads before the next event of the user
	Unread   int        `json:"unread"`                // events of the user that the vendor's process has not read
	Letters  int        `json:"dead_letters"`          // of the user
	Dead     string     `json:"dead_letter,omitempty"` // the ID of the newest
}

// The states of a user at a vendor.
const (
	UserDone       = "done"         // every event has ended
	UserQueued     = "queued"       // an event waits for its turn
	UserAtWork     = "at work"      // the vendor is being called
	UserWaiting    = "waiting"      // for a further attempt, or for an account
	UserHeld       = "held"         // a deletion waits for the approval of a person
	UserPaused     = "paused"       // an event waits, and a person has paused the vendor
	UserOnHold     = "on hold"      // an event waits, and the vendor fails or refuses the credentials
	UserOutOfScope = "out of scope" // by the rule scope of the team
	UserSkipped    = "skipped"      // by another rule of the team
	UserDead       = "dead letter"  // an event failed for good
	UserFailed     = "failed"       // the same, without a dead letter: a person dropped it, or it is too old
	UserNever      = "never asked"  // no event of the user is for the vendor
	UserOff        = "off"          // the vendor is off
)

// Shown returns the lines of the vendors in use, and of those with an account of the user, and the names of all
// others.
func (u User) Shown() (lines []UserAtVendor, off []string) {
	for _, v := range u.Vendors {
		if v.State == UserOff && v.Account == "" && v.Unread+v.Letters == 0 && v.Mode != string(config.Off) {
			off = append(off, v.Vendor)
		} else {
			lines = append(lines, v)
		}
	}
	return lines, off
}

// User returns the history of a user, and the state at each vendor.
func (s *Service) User(ctx context.Context, id string) (User, error) {
	u, _, err := s.look(ctx, id)
	return u, err
}

// look returns the history of a user with the state at each vendor, and the facts behind.
func (s *Service) look(ctx context.Context, id string) (User, []*vendorFacts, error) {
	h, err := s.History(ctx, id)
	u := User{History: h, scoped: map[string]bool{}}
	if err != nil {
		return u, nil, err
	}
	facts, err := s.vendorFacts(ctx, &h)
	if err != nil {
		return u, nil, err
	}
	if u.Unsearched, err = s.addUnread(ctx, &h, facts); err != nil {
		return u, nil, err
	}
	var off []UserAtVendor
	for _, f := range facts {
		section, _ := s.Config.Section(f.name)
		u.scoped[f.name] = section.Rules.Scope != ""
		line := f.line()
		if line.State == UserOff {
			off = append(off, line)
		} else {
			u.Vendors = append(u.Vendors, line)
		}
	}
	u.Vendors = append(u.Vendors, off...)
	for i := range u.Events {
		for _, f := range facts {
			f.explain(&u.Events[i])
		}
	}
	return u, facts, nil
}

// vendorFacts is all that is known of a vendor, and of the user there.
type vendorFacts struct {
	name, mode string
	off        string // why the vendor is off; empty: on
	retry      time.Duration
	scope      string // the expression of the rule; empty: none
	pause      *PauseState
	hold       *streams.Hold
	guard      *DeletionHold
	unowned    bool   // no process works for the vendor
	account    string // state of the account
	effects    []HistoryEvent
	unread     []unreadEvent // in the order of the stream
	ahead      uint64        // events before the first of unread
	committed  events.Position
	at         map[string]streams.ConsumerState // by kind of consumer
}

// vendorFacts returns the facts of every vendor, without unread events.
func (s *Service) vendorFacts(ctx context.Context, h *History) ([]*vendorFacts, error) {
	orders, err := s.Orders(ctx)
	if err != nil {
		return nil, err
	}
	guards, err := s.guards(ctx)
	if err != nil {
		return nil, err
	}
	all, _ := guardState(guards.all, time.Now())
	var list []*vendorFacts
	for _, v := range s.Vendors {
		f := &vendorFacts{name: v.Name, retry: s.Config.Worker.HoldRetry, at: map[string]streams.ConsumerState{}, guard: all}
		if own, _ := guardState(guards.vendors[v.Name], time.Now()); own != nil {
			f.guard = own
		}
		if p, paused := orders.pauses[v.Name]; paused {
			state := pauseState(v.Name, p)
			f.pause = &state
		}
		if h, held := orders.holds[v.Name]; held {
			f.hold = &h
		}
		if err := s.addConsumers(ctx, f); err != nil {
			return nil, err
		}
		f.fill(h)
		list = append(list, f)
	}
	return list, nil
}

// fill adds the account and the effects of the user at the vendor.
func (f *vendorFacts) fill(h *History) {
	for _, a := range h.Accounts {
		if a.Vendor == f.name {
			f.account = a.State
		}
	}
	for _, e := range h.Events {
		_, takesPart := f.consumerOf(e.Type)
		if e.Vendor == f.name || takesPart && e.Vendor == streams.EventPlace { // an event at fault is at fault for all
			f.effects = append(f.effects, e)
		}
	}
}

// addConsumers adds the consumers of the vendor and its committed position, and whether the vendor is
// off: by its mode, or because no process has served it yet.
func (s *Service) addConsumers(ctx context.Context, f *vendorFacts) error {
	section, _ := s.Config.Section(f.name)
	f.mode, f.scope = section.Rules.Mode.String(), ruleText(section.Rules.Scope)
	load, err := s.Load(ctx, f.name)
	switch {
	case isNotServed(err):
		f.off = s.Config.Off()[f.name]
		if f.off == "" {
			f.off = "no process of usher serve has served the vendor on this NATS yet"
		}
		return nil
	case err != nil:
		return err
	}
	f.at = load.Consumers
	if section.Rules.Mode.Is(config.Off) {
		f.off = s.Config.Off()[f.name]
	}
	owned, err := s.owned(ctx, f.name, load)
	if err != nil {
		return err
	}
	f.unowned = !owned
	own, err := streams.OpenOwnership(ctx, s.Streams.Client, f.name)
	if errors.Is(err, streams.ErrNoStream) { // only a former version has served the vendor
		return nil
	}
	if err != nil {
		return err
	}
	f.committed, err = own.Position(ctx)
	return err
}
