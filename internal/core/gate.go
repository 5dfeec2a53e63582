package core

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// gate lets work through to the vendor as long as the breaker allows it and the vendor is not
// paused, and at the rate of the vendor.
type gate struct {
	vendor  string
	limiter *Limiter
	breaker *fairness.Breaker
	log     zerolog.Logger
	// pause is the pause of the vendor, perhaps a past pause; nil until known.
	pause atomic.Pointer[streams.Pause]
}

// noPause is a past pause.
var noPause = streams.Pause{Until: time.Unix(0, 0)}

func newGate(c Config, l *Limiter, log zerolog.Logger) *gate {
	return &gate{vendor: c.Vendor, limiter: l, breaker: fairness.NewBreaker(fairness.BreakerConfig{CheckEvery: c.HoldRetry, CheckMax: 4 * c.HoldRetry}), log: log}
}

// Allows reports whether work of a class may call the vendor. While the vendor asks for a
// rest, only fresh work may: Wait turns fresh work away except for the next probe.
func (g *gate) Allows(c mailbox.Class) bool {
	return g.breaker.Allows(c) && !g.paused() && (c == mailbox.Fresh || g.limiter.Rest() == 0)
}

// paused reports whether the vendor is paused, or may be.
func (g *gate) paused() bool {
	p := g.pause.Load()
	return p == nil || !p.Over(time.Now())
}

// watchPauses follows the pause of the vendor until ctx ends.
func (g *gate) watchPauses(ctx context.Context, watch func(context.Context, func(map[string]streams.Pause))) {
	watch(ctx, func(all map[string]streams.Pause) {
		before := g.pause.Load()
		p, paused := all[g.vendor]
		if !paused {
			p = noPause
		}
		g.pause.Store(&p)
		switch {
		case before != nil && *before == p:
		case paused:
			g.log.Info().Str("vendor", g.vendor).Time("until", p.Until).Msg("vendor is paused: calls in flight go on")
		case before != nil:
			g.log.Info().Str("vendor", g.vendor).Msg("vendor is resumed")
		}
	})
}

// watchChecks follows the requests of people for a check, until ctx ends.
func (g *gate) watchChecks(ctx context.Context, watch func(context.Context, func(map[string]time.Time))) {
	var last time.Time
	watch(ctx, func(all map[string]time.Time) {
		if at := all[g.vendor]; at.After(last) {
			last = at
			g.breaker.CheckNow(at)
		}
	})
}

// Wait takes a token of the vendor's rate for an effect before the first call.
func (g *gate) Wait(ctx context.Context, c mailbox.Class) error {
	if err := g.limiter.Admit(ctx, c); err != nil {
		return err
	}
	g.breaker.Begin()
	return nil
}

// TryWait is Wait without waiting: TryWait reports whether it took a token.
func (g *gate) TryWait() bool {
	if !g.limiter.TryAdmit() {
		return false
	}
	g.breaker.Begin()
	return true
}

// Attach returns a context for the calls of an effect with a token. The class travels in the
// context, as a trace does: adapters and their clients must not know of classes.
func (g *gate) Attach(ctx context.Context, c mailbox.Class) context.Context {
	return context.WithValue(ctx, admissionKey{}, &admission{class: c})
}

// Report says how an attempt for a user ended.
func (g *gate) Report(user string, err error) {
	if r, ok := resultOf(err); ok {
		g.breaker.Report(user, r)
	}
}

// resultOf returns the meaning of an attempt for the breaker; false without a meaning.
func resultOf(err error) (fairness.Result, bool) {
	class, status := vendors.ClassOf(err), vendors.StatusOf(err)
	switch {
	case err == nil, errors.Is(err, handlers.ErrNoAccount):
		return fairness.Answered, true
	case errors.Is(err, vendors.ErrLate), errors.Is(err, context.Canceled), status == 429:
		return 0, false
	case vendors.IsUnreadable(err):
		return fairness.Unreadable, true
	case status == 403, errors.Is(err, vendors.ErrTokenRefused):
		return fairness.Forbidden, true
	case class == vendors.Unusable:
		return fairness.Unauthorized, true
	case class == vendors.Permanent:
		return fairness.Permanent, true
	default:
		return fairness.Failed, true
	}
}

// checkResult returns the result of a check for the breaker.
func checkResult(err error) error {
	if _, ok := resultOf(err); !ok {
		return fmt.Errorf("%w: %w", fairness.ErrNoVerdict, err)
	}
	return err
}

// watch makes the checks for the breaker, and reports holds, until ctx ends. A hold
// is reported again after each failed check: a hold without a recent report counts as the
// hold of a dead process.
func (g *gate) watch(ctx context.Context, check func(context.Context) error, onHold func(why error, credentials bool, next time.Time)) {
	held := false
	for ctx.Err() == nil {
		checked := g.breaker.CheckDue()
		if checked {
			g.breaker.Checked(checkResult(check(ctx)))
		}
		s := g.breaker.Status()
		switch open := s.State == fairness.Open; {
		case open != held:
			held = open
			g.logHold(s, held)
			g.report(s, held, onHold)
		case held && checked:
			g.report(s, held, onHold)
		}
		g.wait(ctx)
	}
}

// wait waits for a change of the breaker, or for the time of the next check.
func (g *gate) wait(ctx context.Context) {
	next := time.Hour
	if at, ok := g.breaker.CheckAt(); ok {
		next = max(time.Until(at), time.Millisecond)
	}
	timer := time.NewTimer(next)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-g.breaker.Changed():
	}
}

// logHold logs the beginning or the end of a hold.
func (g *gate) logHold(s fairness.Status, held bool) {
	if held {
		g.log.Error().Str("vendor", g.vendor).Str("reason", s.Reason).Msg("vendor on hold: nothing is lost, and calls go on by themselves after a good check")
	} else {
		g.log.Info().Str("vendor", g.vendor).Msg("vendor is back")
	}
}

func (g *gate) report(s fairness.Status, held bool, onHold func(why error, credentials bool, next time.Time)) {
	switch {
	case onHold == nil:
	case held:
		next, _ := g.breaker.CheckAt()
		onHold(errors.New(s.Reason), s.Refused, next)
	default:
		onHold(nil, false, time.Time{})
	}
}
