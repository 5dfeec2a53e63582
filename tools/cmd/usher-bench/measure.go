package main

import (
	"cmp"
	"context"

	"github.com/usherhq/usher/tools/bench"
)

// soak measures a soak, and adds the figures to the report.
func (b benchCmd) soak(ctx context.Context, c bench.Config, into *bench.Report) error {
	s, err := c.Soak(ctx, cmp.Or(b.Rate, 1000), b.Soak)
	if err == nil {
		into.Soak = &s
		into.Goals = append(into.Goals, s.Goal)
	}
	return err
}

// measure measures as the flags say, and adds the figures to the report.
func (b benchCmd) measure(ctx context.Context, c bench.Config, plans []bench.Plan, into *bench.Report) error {
	switch {
	case b.All:
		return c.All(ctx, bench.Suite{Rounds: b.Rounds, Backlog: max(b.Backlog, 100_000)}, into)
	case b.Soak > 0:
		return b.soak(ctx, c, into)
	case b.Accounts > 0 && b.Cluster != "":
		a, err := c.ClusterAccounts(ctx, b.Accounts, b.Cluster == "placed", b.SyncAlways)
		if err == nil {
			into.Cluster = &a
		}
		return err
	case b.Accounts > 0:
		a, err := c.Accounts(ctx, b.Accounts)
		if err == nil {
			into.Accounts = &a
		}
		return err
	case b.Remembered > 0:
		r, err := c.Remembered(ctx, b.Remembered)
		if err == nil {
			into.Remembered = &r
		}
		return err
	}
	for _, p := range plans {
		if err := c.Measure(ctx, p, into); err != nil {
			return err
		}
	}
	return nil
}
