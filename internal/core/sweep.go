package core

import (
	"context"
	"slices"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// unfinished calls yield with the key of each record that has something to do. It reads all
// records of the vendor, and so is for a sweep alone.
func (x *Core) unfinished(ctx context.Context, yield func(key string) error) error {
	if err := x.each(ctx, x.records.users, record.Unfinished, yield); err != nil {
		return err
	}
	return x.each(ctx, x.records.events, isUnfinishedActivity, yield)
}

// each calls yield with the key of each record of the vendor that is wanted, or that cannot
// be read.
func (x *Core) each(ctx context.Context, list *streams.Records, wanted func(*record.Record) bool, yield func(key string) error) error {
	for r, err := range list.List(ctx, x.config.Vendor) {
		if err != nil {
			return err
		}
		if decoded, err := record.Decode(r.Value); err == nil && !wanted(decoded) {
			continue
		}
		if err := yield(r.Key); err != nil {
			return err
		}
	}
	return nil
}

// isUnfinishedActivity reports whether an activity event is pending, or has a result that may
// not be published: a result of a first attempt is, or its message is delivered again.
func isUnfinishedActivity(r *record.Record) bool {
	if len(r.Pending) > 0 {
		return true
	}
	for i := range r.Finished {
		if r.Finished[i].Publish {
			return true
		}
	}
	return false
}

// held calls yield with the key of each record that has a held deletion, or that cannot be read.
func (x *Core) held(ctx context.Context, yield func(key string) error) error {
	isHeld := func(e record.Effect) bool { return e.Held }
	return x.each(ctx, x.records.users, func(r *record.Record) bool { return slices.ContainsFunc(r.Pending, isHeld) }, yield)
}

// released returns a channel that is closed at the end of a hold of deletions.
func (x *Core) released() <-chan struct{} {
	if x.deps.Guard == nil {
		return nil
	}
	return x.deps.Guard.Released()
}
