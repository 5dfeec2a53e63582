package intake_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
)

// play carries a history out, with two processes at a time, until nothing is left to do, and
// returns everything that is wrong at the end.
func play(t *testing.T, h history) (faults []string) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(h)
		start := time.Now()
		r.startRules()
		r.server.outages, r.held = shift(h.outages, start), shift(h.held, start)
		for _, at := range h.losses {
			time.AfterFunc(at, r.server.loseOwnership)
		}
		for _, at := range h.purges {
			time.AfterFunc(at, r.server.purgeTimers)
		}
		last := start
		for _, at := range h.replays {
			time.AfterFunc(at, r.resendAll)
			last = start.Add(max(at, last.Sub(start)))
		}
		for _, p := range h.policies {
			last = start.Add(max(p.after, last.Sub(start)))
		}
		r.publish()
		ctx, stop := context.WithCancel(t.Context())
		var hosts sync.WaitGroup
		for host := range 2 {
			hosts.Go(func() { r.host(ctx, host) })
		}
		for end := time.Now().Add(2 * time.Hour); (!r.done() || !time.Now().After(last)) && time.Now().Before(end); {
			time.Sleep(time.Second)
			r.server.noteIdle()
		}
		if h.policies != nil {
			faults = append(r.settleRules(), r.checkForeign()...)
		}
		time.Sleep(time.Minute) // calls that are still on their way land
		stop()
		hosts.Wait()
		faults = append(faults, r.check()...)
	})
	return faults
}

// check compares the vendor and the results with docs/design.md, section 12.
func (r *run) check() (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if n := r.server.pending(); n > 0 {
		say("%d records have pending effects", n)
		for k, b := range r.server.records {
			say("%s: %s", k, b)
		}
	}
	byKey := r.keys()
	faults = append(faults, r.checkReplays()...)
	if len(r.published.results) != len(byKey)+len(r.server.resent)+r.laters() || len(r.published.changed) > 0 {
		say("%d events and %d replays have %d results, published in two ways: %s", len(byKey), len(r.server.resent), len(r.published.results), r.published.changed)
	}
	for key, p := range byKey {
		_, dead := r.published.dead[key]
		switch result, ok := r.lastResult(key); {
		case !ok:
			say("event %d (%s) has no result", p.event, p.kind)
		case result.Outcome == events.Failed && !dead:
			say("event %d failed and is not among the dead letters", p.event)
		case result.Outcome != events.Failed && dead:
			say("event %d (%s) ended well and is among the dead letters", p.event, p.kind)
		}
	}
	faults = append(faults, r.published.unlisted()...)
	r.server.mu.Lock()
	faults = append(faults, r.server.faults...)
	r.server.mu.Unlock()
	if r.shared || r.policies != nil { // the rest is about users with accounts of their own, without rules
		return faults
	}
	for user := range 2 {
		faults = append(faults, r.overtaken(user)...)
		faults = append(faults, r.checkRestorations(user)...)
		faults = append(faults, r.checkUser(user)...)
		faults = append(faults, r.checkContent(user)...)
	}
	return faults
}

// histories of a run if -rapid.checks does not say, and of a short run, as with the race
// detector.
const (
	checks      = "150"
	shortChecks = "30"
)

// TestMain sets the number of histories, and fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		n := checks
		if testing.Short() {
			n = shortChecks
		}
		if err := flag.Set("rapid.checks", n); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// TestRandomHistories holds random histories to docs/design.md, rules 12.1 to 12.3.
func TestRandomHistories(t *testing.T) { checkHistories(t, histories) }

// TestHistoriesOfOneAccount holds random histories of two users with one account to
// docs/design.md, rule 5.19.
func TestHistoriesOfOneAccount(t *testing.T) { checkHistories(t, sharedHistories) }

// TestCrowdedHistories holds random histories of a user with many events to docs/design.md, rules 12.1 to
// 12.3.
func TestCrowdedHistories(t *testing.T) { checkHistories(t, crowdedHistories) }

func checkHistories(t *testing.T, list *rapid.Generator[history]) {
	rapid.Check(t, func(rt *rapid.T) {
		h := list.Draw(rt, "history")
		if faults := play(t, h); len(faults) > 0 {
			rt.Fatalf("%s", strings.Join(faults, "\n"))
		}
	})
}
