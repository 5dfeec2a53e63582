package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// Forgetting holds the options of Forget.
type Forgetting struct {
	Unfinished bool                        // even with unfinished effects
	Accounts   bool                        // even with accounts at vendors
	Events     bool                        // also in a stream of events not created by usher
	Progress   func(what string, done int) // may be nil
}

// Forgotten is the outcome of Forget.
type Forgotten struct {
	User   string    `json:"user"` // the digest of the id
	At     time.Time `json:"at"`
	Erased []Found   `json:"erased"`
	Stays  []string  `json:"stays"` // data left, in words: the place, the data, the time
}

// ErrNotYet is returned if an earlier step is missing.
var ErrNotYet = errors.New("nothing was erased")

// Refusal returns the missing steps before Forget, or nil.
func (h Holding) Refusal(o Forgetting) error {
	var why []error
	if len(h.Open) > 0 && !o.Unfinished {
		why = append(why, errors.New("something is still to be done for the user: let it come to its end (usher status, usher user), or leave it undone with --force"))
	}
	if len(h.Accounts) > 0 && !o.Accounts {
		why = append(why, errors.New("the user still has accounts at vendors: send user.deleted first, and ask the vendors where usher cannot delete; then leave them as they are with --keep-accounts"))
	}
	if why == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotYet, errors.Join(why...))
}

// Forget writes an audit entry and erases the data found of a user, except for a tombstone that
// keeps a late event from bringing the user back (record.Forget). After an interruption, Forget
// starts again from a new Holding. Newer data than the Holding stay: the user may have come back.
//
// The order is: replays, dead letters and events, then records, then history and results.
// No effect can then run again without its record.
func (d *Desk) Forget(ctx context.Context, h Holding, o Forgetting, by Deed) (Forgotten, error) {
	f := Forgotten{User: h.User, At: time.Now().UTC(), Erased: []Found{}, Stays: []string{}}
	if err := h.Refusal(o); err != nil {
		return f, err
	}
	if o.Progress == nil {
		o.Progress = func(string, int) {}
	}
	act := by.action(bus.UserForgotten)
	act.User = h.User
	if err := d.Bus.Audit(ctx, d.Config.Source, act); err != nil {
		return f, err
	}
	for _, step := range []func(context.Context, Holding, Forgetting, *Forgotten) error{
		d.eraseReplays, d.eraseLetters, d.eraseEvents, d.eraseAccounts, d.eraseIndex, d.eraseActivity, d.wake, d.eraseHistory, d.eraseResults, d.scrub,
	} {
		if err := step(ctx, h, o, &f); err != nil {
			return f, fmt.Errorf("%w; run it again to go on", err)
		}
	}
	f.Stays = append(f.Stays, fmt.Sprintf("%s: who replayed, dropped or repaired what of the user's, by event and vendor's account, for %s", bus.AuditStream, d.Config.NATS.AuditMaxAge))
	return f, nil
}

func (d *Desk) eraseReplays(ctx context.Context, h Holding, o Forgetting, f *Forgotten) error {
	return d.erase(ctx, bus.ReplaysStream, h.replays, o, f)
}

func (d *Desk) eraseEvents(ctx context.Context, h Holding, o Forgetting, f *Forgotten) error {
	if d.Config.NATS.EventsStream != "" && !o.Events {
		if len(h.events) > 0 {
			f.Stays = append(f.Stays, fmt.Sprintf("%s: %d events of the user, since this stream is not usher's own; erase them there, or with --events", h.stream, len(h.events)))
		}
		return nil
	}
	var list []uint64
	for _, e := range h.events {
		list = append(list, e.seq)
	}
	return d.erase(ctx, h.stream, list, o, f)
}

func (d *Desk) eraseHistory(ctx context.Context, h Holding, _ Forgetting, f *Forgotten) error {
	n, err := d.history().Erase(ctx, h.User)
	f.Erased = append(f.Erased, Found{bus.HistoryStream, n})
	return err
}

func (d *Desk) eraseResults(ctx context.Context, h Holding, o Forgetting, f *Forgotten) error {
	return d.erase(ctx, bus.ResultsStream, h.results, o, f)
}

// erase erases messages of a stream, in reverse order. After an interruption, the messages left
// still identify messages with only an e-mail.
func (d *Desk) erase(ctx context.Context, stream string, list []uint64, o Forgetting, f *Forgotten) error {
	for i, seq := range slices.Backward(list) {
		if err := d.Bus.Erase(ctx, stream, seq); err != nil {
			return err
		}
		o.Progress("erased from "+stream, len(list)-i)
	}
	f.Erased = append(f.Erased, Found{stream, len(list)})
	return nil
}

func (d *Desk) eraseLetters(ctx context.Context, h Holding, o Forgetting, f *Forgotten) error {
	for i, letter := range h.letters {
		if err := d.Bus.Drop(ctx, letter); err != nil {
			return err
		}
		o.Progress("erased from "+bus.DeadStream, i+1)
	}
	f.Erased = append(f.Erased, Found{bus.DeadStream, len(h.letters)})
	return nil
}

func (d *Desk) eraseAccounts(ctx context.Context, h Holding, o Forgetting, f *Forgotten) error {
	return d.eraseRecords(ctx, bus.AccountsKV, h.records[bus.AccountsKV], f, func(r *record.Record) bool {
		idle := r.Idle() || o.Unfinished
		gone := living(r) == "" || o.Accounts
		if !idle || !gone || record.Reaches(r, h.fence) {
			return false
		}
		r.Forget(h.fence, f.At)
		return true
	})
}

// eraseIndex removes the entries of the user from the index of accounts, which hold digests.
// An entry that is written meanwhile stays: the user has come back, or another user has the
// account.
func (d *Desk) eraseIndex(ctx context.Context, h Holding, _ Forgetting, _ *Forgotten) error {
	index, err := streams.OpenIndex(ctx, d.streams())
	if errors.Is(err, streams.ErrNoStream) { // no vendor was ever served
		return nil
	}
	if err != nil {
		return err
	}
	for entry, err := range index.List(ctx, "") {
		if err != nil {
			return err
		}
		if string(entry.Value) != h.User {
			continue
		}
		if err := index.Delete(ctx, entry.Key, entry.Revision); err != nil && !errors.Is(err, streams.ErrConflict) {
			return err
		}
	}
	return nil
}

func (d *Desk) eraseActivity(ctx context.Context, h Holding, o Forgetting, f *Forgotten) error {
	return d.eraseRecords(ctx, bus.EffectsKV, h.records[bus.EffectsKV], f, func(r *record.Record) bool {
		if !r.Idle() && !o.Unfinished {
			return false
		}
		r.Forget(events.Position{}, f.At)
		return true
	})
}

// eraseRecords calls forget for each record, by compare-and-set, until the record is anonymous or
// forget returns false.
func (d *Desk) eraseRecords(ctx context.Context, bucket string, keys []string, f *Forgotten, forget func(*record.Record) bool) error {
	store, err := d.records(ctx, bucket)
	if err != nil {
		return err
	}
	for _, key := range keys {
		done := false
		err := store.Change(ctx, key, func(r *record.Record) { done = record.Anonymous(r) || forget(r) })
		if err != nil {
			return err
		}
		if !done {
			vendor, _ := record.SplitKey(key)
			return fmt.Errorf("the record of the user at %s was changed meanwhile: a newer event came, or something is being done", vendor)
		}
	}
	f.Erased = append(f.Erased, Found{bucket, len(keys)})
	return nil
}

// wake arms a timer for the user at each vendor with a record. The owner then checks the record
// again: events awaited by the mailbox are gone. The token 0 is below the tokens of all owners.
func (d *Desk) wake(ctx context.Context, h Holding, _ Forgetting, _ *Forgotten) error {
	timers, err := streams.OpenTimers(ctx, d.streams())
	if errors.Is(err, streams.ErrNoStream) { // no vendor was ever served
		return nil
	}
	if err != nil {
		return err
	}
	for _, key := range h.records[bus.AccountsKV] {
		vendor, digest := record.SplitKey(key)
		if err := timers.Arm(ctx, streams.Timer{Vendor: vendor, Digest: digest, Due: time.Now()}); err != nil {
			return err
		}
	}
	return nil
}
