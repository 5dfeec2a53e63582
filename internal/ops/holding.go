package ops

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
)

// Search names the user of a search.
type Search struct {
	UserID   string
	Emails   []string                    // of the user, besides the e-mails in events; for messages without an id
	Progress func(what string, read int) // may be nil
}

// Holding is the data of a user stored by usher.
type Holding struct {
	User     string    `json:"user"` // the digest of the id
	Found    []Found   `json:"found"`
	Accounts []Living  `json:"accounts"`   // still at the vendors, according to the records
	Open     []Open    `json:"unfinished"` // unfinished effects
	Before   time.Time `json:"forgotten,omitzero"`

	person  *person
	stream  string // of events
	fence   events.Position
	events  []found
	replays []uint64
	letters []bus.DeadLetter
	results []uint64
	records map[string][]string // bucket → keys that name the user
	// registered holds the position of the last registered event of the user, by vendor.
	registered map[string]events.Position
	history    int  // finished effects
	former     bool // EFFECTS has records, anonymous or not
}

// Found is the amount of data of a user in a stream or a bucket.
type Found struct {
	Where string `json:"where"`
	Count int    `json:"count"`
}

// Living is an account that still exists at a vendor.
type Living struct {
	Vendor string `json:"vendor"`
	ID     string `json:"account_id"`
	Why    string `json:"why"`
}

// Open is an unfinished effect at a vendor.
type Open struct {
	Vendor string `json:"vendor"`
	Type   string `json:"type"`
	Key    string `json:"key"`
	State  string `json:"state"`
}

// States of an Open, besides the states of an effect.
const (
	OpenUnread = "not taken up yet"
	OpenReplay = "on its way once more"
)

// effectID identifies an effect of the user.
type effectID struct {
	vendor string
	key    record.Key
	replay int
}

// endedEffects holds the finished effects, without the number of a replay.
type endedEffects map[effectID]bool

// found is an event of the user.
type found struct {
	seq    uint64
	stored time.Time
	key    string // empty if the event cannot be read
	kind   string // the subject
}

// Holding finds the data of a user in all streams and buckets. Every message of the streams is
// read: subjects contain the type of an event, not the user.
func (d *Desk) Holding(ctx context.Context, s Search) (Holding, error) {
	h := Holding{
		User: record.Digest(s.UserID), Accounts: []Living{}, Open: []Open{},
		person: &person{id: s.UserID, emails: map[string]bool{}, keys: map[record.Key]bool{}},
		stream: cmp.Or(d.Config.NATS.EventsStream, bus.EventsStream), records: map[string][]string{}, registered: map[string]events.Position{},
	}
	for _, email := range s.Emails {
		h.person.emails[strings.ToLower(email)] = true
	}
	if s.Progress == nil {
		s.Progress = func(string, int) {}
	}
	ended := endedEffects{}
	for _, look := range []func(context.Context, *Holding, Search, endedEffects) error{
		d.lookInEvents, d.lookInHistory, d.lookInAccounts, d.lookInActivity, d.lookInReplays, d.lookInLetters, d.lookInResults, d.lookInUnread,
	} {
		if err := look(ctx, &h, s, ended); err != nil {
			return h, err
		}
	}
	h.Found = []Found{
		{h.stream, len(h.events)},
		{bus.ReplaysStream, len(h.replays)},
		{bus.DeadStream, len(h.letters)},
		{bus.ResultsStream, len(h.results)},
		{bus.AccountsKV, len(h.records[bus.AccountsKV])},
		{bus.EffectsKV, len(h.records[bus.EffectsKV])},
		{bus.HistoryStream, h.history},
	}
	return h, nil
}

// Nothing reports whether no data of the user are stored, and none were erased.
func (h Holding) Nothing() bool {
	return h.Before.IsZero() && !h.former && !slices.ContainsFunc(h.Found, func(f Found) bool { return f.Count > 0 })
}

// lookInEvents reads the stream of events. If the events reveal new e-mails, messages without an id
// are read again.
func (d *Desk) lookInEvents(ctx context.Context, h *Holding, s Search, _ endedEffects) error {
	at, err := d.Bus.Extent(ctx, h.stream)
	if err != nil {
		return err
	}
	h.fence = events.Position{Epoch: at.Epoch, Seq: at.Last + 1}
	var unclear []uint64
	read := 0
	err = d.Bus.Messages(ctx, h.stream, at.Last, func(m bus.Stored) error {
		read++
		s.Progress(h.stream, read)
		e, is := h.person.event(m.Header, m.Payload)
		switch is {
		case theirs:
			h.events = append(h.events, foundAt(m, e))
		case nobodys:
			unclear = append(unclear, m.Seq)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, seq := range unclear {
		m, err := d.Bus.Message(ctx, h.stream, seq)
		if errors.Is(err, bus.ErrGone) {
			continue
		}
		if err != nil {
			return err
		}
		if e, is := h.person.event(m.Header, m.Payload); is == theirs {
			h.events = append(h.events, foundAt(m, e))
		}
	}
	return nil
}

func foundAt(m bus.Stored, e events.Event) found {
	f := found{seq: m.Seq, stored: m.Time, kind: m.Subject}
	if e.Context != nil {
		f.key = events.Key(e.Source(), e.ID())
	}
	return f
}

// lookInHistory reads the finished effects of the user's accounts.
func (d *Desk) lookInHistory(ctx context.Context, h *Holding, s Search, ended endedEffects) error {
	entries, err := d.history().User(ctx, record.Digest(s.UserID))
	for _, e := range entries {
		key := record.KeyOf(e.Key)
		h.person.keys[key] = true
		ended[effectID{vendor: e.Vendor, key: key}] = true
	}
	h.history = len(entries)
	return err
}

// lookInAccounts reads the records of the user's accounts at all vendors.
func (d *Desk) lookInAccounts(ctx context.Context, h *Holding, s Search, ended endedEffects) error {
	return d.lookInBucket(ctx, bus.AccountsKV, record.AccountKeys(s.UserID), func(e recordstore.Entry) {
		vendor, _ := record.SplitKey(e.Key)
		if h.Before.Before(e.Record.Forgotten) {
			h.Before = e.Record.Forgotten
		}
		if !record.Anonymous(e.Record) {
			h.records[bus.AccountsKV] = append(h.records[bus.AccountsKV], e.Key)
		}
		if why := living(e.Record); why != "" {
			h.Accounts = append(h.Accounts, Living{Vendor: vendor, ID: cmp.Or(e.Record.AccountID, e.Record.Former), Why: why})
		}
		h.registered[vendor] = e.Record.Registered
		h.effects(vendor, e.Record, ended)
	})
}

// lookInActivity reads the records of the user's activity.
func (d *Desk) lookInActivity(ctx context.Context, h *Holding, s Search, ended endedEffects) error {
	return d.lookInBucket(ctx, bus.EffectsKV, record.ActivityKeys(s.UserID), func(e recordstore.Entry) {
		h.former = true
		if !record.Anonymous(e.Record) {
			h.records[bus.EffectsKV] = append(h.records[bus.EffectsKV], e.Key)
		}
		vendor, _ := record.SplitKey(e.Key)
		h.effects(vendor, e.Record, ended)
	})
}

func (d *Desk) lookInBucket(ctx context.Context, bucket, pattern string, yield func(recordstore.Entry)) error {
	store, err := d.records(ctx, bucket)
	if err != nil {
		return err
	}
	keys, err := d.Bus.Keys(ctx, bucket, pattern)
	if err != nil {
		return err
	}
	slices.Sort(keys)
	for _, key := range keys {
		e, err := store.Load(ctx, key)
		if err != nil {
			return err
		}
		yield(e)
	}
	return nil
}

// effects adds the finished and the unfinished effects of a record.
func (h *Holding) effects(vendor string, r *record.Record, ended endedEffects) {
	for _, f := range r.Finished {
		h.person.keys[f.Key] = true
		ended[effectID{vendor: vendor, key: f.Key}] = true
	}
	for i := range r.Pending {
		e := &r.Pending[i]
		h.person.keys[e.Key] = true
		o := Open{Vendor: vendor, Type: e.Type, Key: h.wholeKey(e.Key), State: effectState(r, e)}
		if e.Replay > 0 && o.State == EffectWaiting {
			o.State = OpenReplay
		}
		h.Open = append(h.Open, o)
	}
}

// wholeKey returns the key of an event of the user, or its 16 digits if the event is gone.
func (h *Holding) wholeKey(k record.Key) string {
	for _, e := range h.events {
		if record.KeyOf(e.key) == k {
			return e.key
		}
	}
	return k.String()
}

// living returns the reason why a vendor still has the user's account; empty if it has none.
func living(r *record.Record) string {
	switch {
	case record.Anonymous(r):
		return ""
	case r.State == record.Deleted && r.Undeleted:
		return "usher cannot delete there: ask the vendor"
	case r.State != record.Active:
		return ""
	default:
		return notDeleted
	}
}

const (
	notDeleted   = "no user.deleted was carried out there"
	deleteFailed = "user.deleted failed there: see usher dead list"
)
