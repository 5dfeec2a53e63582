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
	"github.com/usherhq/usher/internal/ledger"
)

// Search says whose data are looked for.
type Search struct {
	UserID   string
	Emails   []string                    // of the user, besides those in events; for what names nobody by id
	Progress func(what string, read int) // may be nil
}

// Holding is what usher stores of a user.
type Holding struct {
	User     string    `json:"user"` // the digest of the id
	Found    []Found   `json:"found"`
	Accounts []Living  `json:"accounts"`   // that the vendors still have, as far as the ledger knows
	Open     []Open    `json:"unfinished"` // what is still to be done
	Before   time.Time `json:"forgotten,omitzero"`

	person  *person
	stream  string // of events
	fence   ledger.Order
	events  []found
	replays []uint64
	letters []bus.DeadLetter
	results []uint64
	records map[string][]string // bucket → keys that name the user
	former  bool                // there are records in EFFECTS, anonymous or not
}

// Found is how much a stream or a bucket holds of a user.
type Found struct {
	Where string `json:"where"`
	Count int    `json:"count"`
}

// Living is an account that a vendor still has.
type Living struct {
	Vendor string `json:"vendor"`
	ID     string `json:"account_id"`
	Why    string `json:"why"`
}

// Open is what a vendor is still to be asked for.
type Open struct {
	Vendor string `json:"vendor"`
	Type   string `json:"type"`
	Key    string `json:"key"`
	State  string `json:"state"`
}

// The states of what is still to be done, besides those of an effect.
const (
	OpenUnread = "not taken up yet"
	OpenReplay = "on its way once more"
)

// found is an event of the user.
type found struct {
	seq    uint64
	stored time.Time
	key    string // empty where it cannot be read
	kind   string // the subject
}

// Holding looks through all that usher stores for what is a user's. It reads every
// message of the streams, since events stand there by type and not by user.
func (d *Desk) Holding(ctx context.Context, s Search) (Holding, error) {
	h := Holding{
		User: ledger.Digest(s.UserID), Accounts: []Living{}, Open: []Open{},
		person: &person{id: s.UserID, emails: map[string]bool{}, keys: map[string]bool{}},
		stream: cmp.Or(d.Config.NATS.EventsStream, bus.EventsStream), records: map[string][]string{},
	}
	for _, email := range s.Emails {
		h.person.emails[strings.ToLower(email)] = true
	}
	if s.Progress == nil {
		s.Progress = func(string, int) {}
	}
	ended := map[string]bool{}
	for _, look := range []func(context.Context, *Holding, Search, map[string]bool) error{
		d.lookInEvents, d.lookInAccounts, d.lookInEffects, d.lookInReplays, d.lookInLetters, d.lookInResults, d.lookInConsumers,
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
	}
	return h, nil
}

// Nothing tells whether nothing is known of the user, nor ever was.
func (h Holding) Nothing() bool {
	return h.Before.IsZero() && !h.former && !slices.ContainsFunc(h.Found, func(f Found) bool { return f.Count > 0 })
}

// lookInEvents reads the stream of events, and what names nobody by id once more
// where e-mails have come to light.
func (d *Desk) lookInEvents(ctx context.Context, h *Holding, s Search, _ map[string]bool) error {
	at, err := d.Bus.Extent(ctx, h.stream)
	if err != nil {
		return err
	}
	h.fence = ledger.Order{Epoch: at.Epoch, Seq: at.Last + 1}
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

// lookInAccounts reads the user's records at all vendors.
func (d *Desk) lookInAccounts(ctx context.Context, h *Holding, s Search, ended map[string]bool) error {
	return d.lookInBucket(ctx, bus.AccountsKV, ledger.RecordsOf(s.UserID), func(key string, r ledger.Account) {
		if h.Before.Before(r.Forgotten) {
			h.Before = r.Forgotten
		}
		if !r.Anonymous() {
			h.records[bus.AccountsKV] = append(h.records[bus.AccountsKV], key)
		}
		vendor := ledger.VendorOf(key)
		if why := living(&r); why != "" {
			h.Accounts = append(h.Accounts, Living{Vendor: vendor, ID: cmp.Or(r.AccountID, r.Former), Why: why})
		}
		h.effects(vendor, &r, ended)
	})
}

// lookInEffects reads the records of what the user did.
func (d *Desk) lookInEffects(ctx context.Context, h *Holding, s Search, ended map[string]bool) error {
	return d.lookInBucket(ctx, bus.EffectsKV, ledger.EffectsOf(s.UserID), func(key string, r ledger.Account) {
		h.former = true
		if !r.Anonymous() {
			h.records[bus.EffectsKV] = append(h.records[bus.EffectsKV], key)
		}
		h.effects(ledger.VendorOf(key), &r, ended)
	})
}

func (d *Desk) lookInBucket(ctx context.Context, bucket, pattern string, yield func(key string, r ledger.Account)) error {
	book, err := d.book(ctx, bucket)
	if err != nil {
		return err
	}
	keys, err := d.Bus.Keys(ctx, bucket, pattern)
	if err != nil {
		return err
	}
	slices.Sort(keys)
	for _, key := range keys {
		r, err := book.Read(ctx, key)
		if err != nil {
			return err
		}
		yield(key, r)
	}
	return nil
}

// effects notes the effects of a record: those that ended, and those that did not.
func (h *Holding) effects(vendor string, r *ledger.Account, ended map[string]bool) {
	for _, e := range slices.Concat(r.Past, r.Effects) {
		h.person.keys[e.Key] = true
		if e.Phase == ledger.Finished {
			ended[vendor+"."+e.Key] = true
			continue
		}
		h.Open = append(h.Open, Open{Vendor: vendor, Type: e.Type, Key: e.Key, State: effectOf(vendor, r, &e).State})
	}
}

// living says why a vendor has the user's account still; empty where it has none.
func living(r *ledger.Account) string {
	last := ledger.Effect{Outcome: &ledger.Outcome{}}
	for _, e := range slices.Concat(r.Past, r.Effects) {
		if e.Type == events.UserDeleted && e.Outcome != nil && !e.Order.Before(last.Order) {
			last = e
		}
	}
	kind := last.Outcome.Kind
	switch {
	case r.Anonymous():
		return ""
	case kind == events.Unsupported && last.Order == r.Life:
		return "usher cannot delete there: ask the vendor"
	case r.State != ledger.Active:
		return ""
	case kind == events.Failed:
		return "user.deleted failed there: see usher dead list"
	default:
		return "no user.deleted was carried out there"
	}
}
