package engine

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/deletionguard"
)

// limitsOf returns the limits of a deletion guard.
func limitsOf(d config.Deletions) deletionguard.Config {
	const least = 100 // deletions; the share does not count below
	return deletionguard.Config{Window: d.Window, Count: uint64(d.Count), Share: d.Share, Least: least}
}

// startGuards starts the deletion guard over all vendors, and makes the guard of each vendor.
func (e *Engine) startGuards(ctx context.Context) error {
	control, err := e.Streams.Control.Records(ctx)
	if err != nil {
		return err
	}
	all := deletionguard.New(limitsOf(e.Config.Deletions), control, e.Streams.Events.Counts)
	if err := all.Start(ctx); err != nil {
		return err
	}
	guards := map[string]*deletionguard.Vendor{}
	for _, v := range e.on() {
		r := v.Rules()
		guards[v.Name] = deletionguard.NewVendor(all, deletionguard.VendorConfig{
			Name: v.Name, Limits: limitsOf(e.Config.DeletionsAt(v.section)),
			Spared: r.OnDelete.Keeps() || !r.May.Allows("delete") || r.Mode.Is(config.Shadow),
		})
	}
	e.guard, e.guards = all, guards
	return nil
}

// watchGuard follows the records of the deletion guards, and logs each hold once.
func (e *Engine) watchGuard(ctx context.Context) {
	var group errgroup.Group
	group.Go(func() error {
		hold := e.logHold("all")
		e.Streams.Control.Watch(ctx, deletionguard.Key, func(values map[string][]byte) {
			e.guard.See(values[deletionguard.Key])
			hold(e.guard.Record())
		})
		return nil
	})
	group.Go(func() error {
		holds := map[string]func(deletionguard.Record){}
		for name := range e.guards {
			holds[name] = e.logHold(name)
		}
		e.Streams.Control.Watch(ctx, deletionguard.KeyOf("*"), func(values map[string][]byte) {
			for name, guard := range e.guards {
				guard.Own().See(values[deletionguard.KeyOf(name)])
				holds[name](guard.Own().Record())
			}
		})
		return nil
	})
	_ = group.Wait()
}

// logHold returns a function that logs each hold once.
func (e *Engine) logHold(vendor string) func(deletionguard.Record) {
	var logged time.Time
	return func(r deletionguard.Record) {
		if !r.Held.IsZero() && !r.Held.Equal(logged) {
			e.Log.Error().Str("vendor", vendor).Time("since", r.Held).Str("reason", r.Why).Msg("deletions are on hold: far more than usual; see usher approve deletions --help")
			logged = r.Held
		}
	}
}
