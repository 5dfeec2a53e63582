package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/sony/gobreaker/v2"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// gate keeps a worker from a vendor that cannot be used: one that fails many
// effects in a row, or that refuses our credentials. While it is shut nothing is
// fetched, and what was fetched is given back untried. Every so often one trial
// is made, and the gate opens by itself when that goes well.
type gate struct {
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	every   time.Duration // between trials
	log     zerolog.Logger
	tell    func(why error) // told when it shuts, when a trial fails, and with nil when it opens

	mu      sync.Mutex
	refused bool          // the vendor refused us: one is enough
	shut    chan struct{} // closed while the gate is shut; a new one when it opens
	opened  chan struct{} // closed while the gate is open; a new one when it shuts
}

// newGate returns an open gate that shuts after so many failures in a row.
func newGate(run int, every time.Duration, log zerolog.Logger, tell func(why error)) *gate {
	if tell == nil {
		tell = func(error) {}
	}
	g := &gate{every: every, log: log, tell: tell, shut: make(chan struct{}), opened: make(chan struct{})}
	close(g.opened)
	g.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      every,
		IsSuccessful: answered,
		IsExcluded:   saysNothing,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.refused || int(c.ConsecutiveFailures) >= run
		},
		OnStateChange: func(_ string, _, to gobreaker.State) { g.turn(to) },
	})
	return g
}

// answered tells whether an attempt shows that the vendor works, whatever it
// thought of the effect.
func answered(err error) bool {
	return err == nil || errors.Is(err, handlers.ErrNoAccount) || vendors.ClassOf(err) == vendors.Permanent
}

// saysNothing tells whether an attempt says nothing of the vendor. A 429 is the
// pace's to deal with.
func saysNothing(err error) bool {
	return errors.Is(err, vendors.ErrLate) || errors.Is(err, context.Canceled) || errors.Is(err, errPanic) || vendors.StatusOf(err) == 429
}

// turn follows the breaker.
func (g *gate) turn(to gobreaker.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case to == gobreaker.StateClosed && isClosed(g.shut):
		g.refused = false
		g.shut = make(chan struct{})
		close(g.opened)
	case to == gobreaker.StateOpen && isClosed(g.opened):
		g.opened = make(chan struct{})
		close(g.shut)
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// isOpen tells whether the vendor may be called.
func (g *gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return isClosed(g.opened)
}

// channels returns what is closed while the gate is open, and while it is shut.
func (g *gate) channels() (opened, shut <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened, g.shut
}

// wait waits until the gate is open, or ctx ends.
func (g *gate) wait(ctx context.Context) {
	opened, _ := g.channels()
	select {
	case <-opened:
	case <-ctx.Done():
	}
}

// report tells the gate how an attempt ended.
func (g *gate) report(err error) {
	if !g.isOpen() {
		return // of an attempt that began before it shut
	}
	if vendors.ClassOf(err) == vendors.Unusable {
		g.mu.Lock()
		g.refused = true
		g.mu.Unlock()
	}
	done, notNow := g.breaker.Allow()
	if notNow == nil {
		done(err)
	}
	if !g.isOpen() {
		g.tell(err)
		g.log.Error().Err(err).Dur("trial_every", g.every).Msg("vendor on hold: nothing is lost; it goes on by itself when a trial goes well")
	}
}

// watch makes the trials while the gate is shut, until ctx ends.
func (g *gate) watch(ctx context.Context, trial func(context.Context) error) {
	for {
		_, shut := g.channels()
		select {
		case <-shut:
		case <-ctx.Done():
			return
		}
		for !g.isOpen() && ctx.Err() == nil {
			g.try(ctx, trial)
		}
	}
}

// try waits for the time of the next trial, and makes it.
func (g *gate) try(ctx context.Context, trial func(context.Context) error) {
	pause(ctx, g.every+time.Millisecond)
	if ended(ctx) {
		return
	}
	done, notNow := g.breaker.Allow()
	if notNow != nil {
		return
	}
	err := trial(ctx)
	if ctx.Err() != nil {
		err = errTrialCut
	}
	done(err)
	if g.isOpen() {
		g.tell(nil)
		g.log.Info().Msg("vendor is back: going on")
		return
	}
	g.tell(err)
	g.log.Warn().Err(err).Msg("vendor still on hold")
}

var errTrialCut = errors.New("the trial was cut short")
