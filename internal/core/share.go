package core

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/fairness"
)

// shareRate announces this process to the other processes of the vendor, and keeps the calls
// within the share of the process in the rate, until ctx ends.
func (x *Core) shareRate(ctx context.Context) {
	if x.config.Rate <= 0 {
		return
	}
	presence, err := x.streams.leases.Presence(x.config.Vendor)
	if err != nil { // the name of the vendor: Acquire refuses the name too
		x.deps.Log.Error().Err(err).Str("vendor", x.config.Vendor).Msg("the rate cannot be shared: no call is made")
		return
	}
	defer func() { // without an answer the TTL ends the presence
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.config.LeaseTTL/5)
		defer cancel()
		_ = presence.Leave(ctx)
	}()
	every := time.NewTicker(x.config.LeaseTTL / 5)
	defer every.Stop()
	for announced := true; ctx.Err() == nil; {
		began, busy := time.Now(), x.share.Demand()
		present, err := presence.Announce(ctx, busy)
		if err == nil {
			x.share.Update(fairness.Fleet{Processes: present.Processes, Busy: present.Busy, SelfBusy: busy, Announced: began})
		} else if announced && ctx.Err() == nil {
			x.deps.Log.Warn().Err(err).Str("vendor", x.config.Vendor).Msg("this process cannot announce itself, trying again: its calls stop within seconds")
		}
		announced = err == nil
		select {
		case <-ctx.Done():
		case <-every.C:
		}
	}
}
