package ops

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

// findAccounts reads the records of the user's accounts at all vendors.
func (s *Service) findAccounts(ctx context.Context, u *UserData, search Search, ended endedEffects) error {
	return s.findRecords(ctx, streams.AccountsBucket, record.AccountKeys(search.UserID), func(e recordstore.Entry) {
		vendor, _ := record.SplitKey(e.Key)
		if u.Before.Before(e.Record.Forgotten) {
			u.Before = e.Record.Forgotten
		}
		if !record.Anonymous(e.Record) {
			u.records[streams.AccountsBucket] = append(u.records[streams.AccountsBucket], e.Key)
		}
		if why := liveReason(e.Record); why != "" {
			u.Accounts = append(u.Accounts, LiveAccount{Vendor: vendor, ID: cmp.Or(e.Record.AccountID, e.Record.Former), Why: why})
		}
		u.registered[vendor] = e.Record.Registered
		u.effects(vendor, e.Record, ended)
	})
}

// findActivity reads the records of the user's activity.
func (s *Service) findActivity(ctx context.Context, u *UserData, search Search, ended endedEffects) error {
	return s.findRecords(ctx, streams.EffectsBucket, record.ActivityKeys(search.UserID), func(e recordstore.Entry) {
		u.former = true
		if !record.Anonymous(e.Record) {
			u.records[streams.EffectsBucket] = append(u.records[streams.EffectsBucket], e.Key)
		}
		vendor, _ := record.SplitKey(e.Key)
		u.effects(vendor, e.Record, ended)
	})
}

func (s *Service) findRecords(ctx context.Context, bucket, pattern string, yield func(recordstore.Entry)) error {
	store, err := s.records(ctx, bucket)
	if err != nil {
		return err
	}
	keys, err := store.Keys(ctx, pattern)
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
func (u *UserData) effects(vendor string, r *record.Record, ended endedEffects) {
	for _, f := range r.Finished {
		u.subject.keys[f.Key] = true
		ended[effectID{vendor: vendor, key: f.Key}] = true
	}
	for i := range r.Pending {
		e := &r.Pending[i]
		u.subject.keys[e.Key] = true
		p := PendingEffect{Vendor: vendor, Type: e.Type, Key: u.wholeKey(e.Key), State: effectState(r, e)}
		if e.Replay > 0 && p.State == EffectWaiting {
			p.State = PendingReplay
		}
		u.Pending = append(u.Pending, p)
	}
}

// wholeKey returns the key of an event of the user, or its 16 digits if the event is gone.
func (u *UserData) wholeKey(k record.Key) string {
	for _, e := range u.events {
		if record.KeyOf(e.key) == k {
			return e.key
		}
	}
	return k.String()
}

// liveReason returns the reason why a vendor still has the user's account; empty if it has none.
func liveReason(r *record.Record) string {
	switch {
	case record.Anonymous(r):
		return ""
	case r.State == record.Deleted && r.Undeleted:
		return "usher cannot delete there: ask the vendor"
	case r.State == record.Deleted && r.Disabled:
		if later, ok := r.InGrace(); ok {
			return "the account is disabled, and is deleted at " + later.Due.UTC().Format(time.RFC3339) + ": wait until then"
		}
		return "the account is only disabled: set on_delete to delete, and send user.deleted again"
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
