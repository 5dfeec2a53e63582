package ops

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// Search names the user of a search.
type Search struct {
	UserID   string
	Emails   []string                    // of the user, besides the e-mails in events; for messages without an id
	Progress func(what string, read int) // may be nil
}

// UserData is the data of a user stored by usher.
type UserData struct {
	User     string          `json:"user"` // the digest of the id
	Matches  []Match         `json:"found"`
	Accounts []LiveAccount   `json:"accounts"`   // still at the vendors, according to the records
	Pending  []PendingEffect `json:"unfinished"` // unfinished effects
	Before   time.Time       `json:"forgotten,omitzero"`
	Doubtful int             `json:"doubtful,omitempty"` // messages that name no user, and have a word that may be the id

	search Search

	subject *subject
	stream  string // of events
	fence   events.Position
	events  []foundEvent
	replays []uint64
	letters []streams.DeadLetter
	results []uint64
	tracked map[string]bool     // keys of the records of the activities with a result
	records map[string][]string // bucket → keys that name the user
	// registered holds the position of the last registered event of the user, by vendor.
	registered map[string]events.Position
	history    int    // finished effects
	profile    uint64 // revision of the profile; 0: none
	emails     int    // values in the index of e-mails
	former     bool   // EFFECTS has records, anonymous or not
}

// Match is the amount of data of a user in a stream or a bucket.
type Match struct {
	Where string `json:"where"`
	Count int    `json:"count"`
}

// LiveAccount is an account that still exists at a vendor.
type LiveAccount struct {
	Vendor string `json:"vendor"`
	ID     string `json:"account_id"`
	Why    string `json:"why"`
}

// PendingEffect is an unfinished effect at a vendor.
type PendingEffect struct {
	Vendor string `json:"vendor"`
	Type   string `json:"type"`
	Key    string `json:"key"`
	State  string `json:"state"`
}

// States of a PendingEffect, besides the states of an effect.
const (
	PendingUnread = "not taken up yet"
	PendingReplay = "on its way once more"
)

// effectID identifies an effect of the user and all its replays.
type effectID struct {
	vendor string
	key    record.Key
}

// endedEffects holds the finished effects.
type endedEffects map[effectID]bool

// foundEvent is an event of the user.
type foundEvent struct {
	seq    uint64
	stored time.Time
	key    string // empty if the event cannot be read
	kind   string // the subject
}

// UserData finds the data of a user in all streams and buckets. Every message of the streams is
// read: subjects contain the type of an event, not the user.
func (s *Service) UserData(ctx context.Context, search Search) (UserData, error) {
	u := UserData{
		User: record.Digest(search.UserID), Accounts: []LiveAccount{}, Pending: []PendingEffect{},
		subject: &subject{id: search.UserID, emails: map[string]bool{}, keys: map[record.Key]bool{}},
		stream:  s.eventsStream(), records: map[string][]string{}, tracked: map[string]bool{}, registered: map[string]events.Position{},
	}
	for _, email := range search.Emails {
		u.subject.emails[strings.ToLower(email)] = true
	}
	if search.Progress == nil {
		search.Progress = func(string, int) {}
	}
	ended := endedEffects{}
	for _, look := range []func(context.Context, *UserData, Search, endedEffects) error{
		s.findEvents, s.findHistory, s.findAccounts, s.findActivity, s.findProfile, s.findEmails, s.findReplays, s.findLetters, s.findResults, s.findUnread,
	} {
		if err := look(ctx, &u, search, ended); err != nil {
			return u, err
		}
	}
	u.Doubtful, u.search = u.subject.doubts, search
	u.Matches = []Match{
		{u.stream, len(u.events)},
		{streams.ReplaysStream, len(u.replays)},
		{streams.DeadLettersStream, len(u.letters)},
		{streams.ResultsStream, len(u.results)},
		{streams.AccountsBucket, len(u.records[streams.AccountsBucket])},
		{streams.EffectsBucket, len(u.records[streams.EffectsBucket])},
		{streams.HistoryStream, u.history},
	}
	if u.profile > 0 {
		u.Matches = append(u.Matches, Match{streams.ProfilesBucket, 1})
	}
	if u.emails > 0 {
		u.Matches = append(u.Matches, Match{streams.EmailsBucket, u.emails})
	}
	return u, nil
}

// Empty reports whether no data of the user are stored, and none were erased.
func (u UserData) Empty() bool {
	return u.Before.IsZero() && !u.former && !slices.ContainsFunc(u.Matches, func(f Match) bool { return f.Count > 0 })
}

// findEvents reads the stream of events. If the events reveal new e-mails, messages without an id
// are read again.
func (s *Service) findEvents(ctx context.Context, u *UserData, search Search, _ endedEffects) error {
	at, err := s.Streams.Client.Extent(ctx, u.stream)
	if err != nil {
		return err
	}
	u.fence = events.Position{Epoch: at.Epoch, Seq: at.Last + 1}
	var unclear []events.Position
	read := 0
	for m, err := range s.Streams.Client.Messages(ctx, u.stream, streams.Query{}) {
		if err != nil {
			return err
		}
		if !m.Position.Before(u.fence) {
			break
		}
		read++
		search.Progress(u.stream, read)
		e, rel := u.subject.event(m.Header, m.Data)
		switch rel {
		case sameUser:
			u.events = append(u.events, newFoundEvent(m, e))
		case noUser:
			unclear = append(unclear, m.Position)
		}
	}
	u.subject.doubts = 0 // counted once more below
	for _, p := range unclear {
		m, err := s.Streams.Events.Get(ctx, p)
		if errors.Is(err, streams.ErrGone) {
			continue
		}
		if err != nil {
			return err
		}
		if e, rel := u.subject.event(m.Header, m.Data); rel == sameUser {
			u.events = append(u.events, newFoundEvent(m, e))
		}
	}
	return nil
}

func newFoundEvent(m streams.Message, e events.Event) foundEvent {
	f := foundEvent{seq: m.Position.Seq, stored: m.Stored, kind: m.Subject}
	if e.Context != nil {
		f.key = events.Key(e.Source(), e.ID())
	}
	return f
}

// findHistory reads the finished effects of the user's accounts.
func (s *Service) findHistory(ctx context.Context, u *UserData, search Search, ended endedEffects) error {
	entries, err := s.history().User(ctx, record.Digest(search.UserID))
	for _, e := range entries {
		key := record.KeyOf(e.Key)
		u.subject.keys[key] = true
		ended[effectID{vendor: e.Vendor, key: key}] = true
	}
	u.history = len(entries)
	return err
}
