package fairness_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/fairness"
)

var errDown = errors.New("check: 503 from the vendor")

// report reports a result for n users, numbered from the given one.
func report(b *fairness.Breaker, from, n int, r fairness.Result) {
	for i := from; i < from+n; i++ {
		b.Report(fmt.Sprint("user-", i), r)
	}
}

// check makes the check that is due.
func check(t *testing.T, b *fairness.Breaker, outcome error) {
	t.Helper()
	if !b.CheckDue() {
		t.Fatalf("no check is due in the state %v", b.State())
	}
	b.Checked(outcome)
}

// checkNext waits until the next check is due and makes it.
func checkNext(t *testing.T, b *fairness.Breaker, outcome error) (waited time.Duration) {
	t.Helper()
	at, ok := b.CheckAt()
	if !ok {
		t.Fatalf("no check is wanted in the state %v", b.State())
	}
	waited = max(0, time.Until(at))
	time.Sleep(waited)
	check(t, b, outcome)
	return waited
}

func wantState(t *testing.T, b *fairness.Breaker, want fairness.State) {
	t.Helper()
	if got := b.Status(); got.State != want {
		t.Fatalf("got the state %v (%s), want %v", got.State, got.Reason, want)
	}
}

func TestReportsChangeTheState(t *testing.T) {
	type reports struct {
		users  int // distinct ones
		times  int // of each; zero is once
		result fairness.Result
	}
	for name, test := range map[string]struct {
		reports []reports
		want    fairness.State
		reason  string
	}{
		"nothing":                         {nil, fairness.Closed, ""},
		"answers":                         {[]reports{{60, 1, fairness.Answered}}, fairness.Closed, ""},
		"one user fails again and again":  {[]reports{{1, 500, fairness.Failed}}, fairness.Closed, ""},
		"four users fail":                 {[]reports{{4, 9, fairness.Failed}}, fairness.Closed, ""},
		"five users fail":                 {[]reports{{5, 1, fairness.Failed}}, fairness.Suspect, "5 of the last 5 users"},
		"half of the last fifty fail":     {[]reports{{25, 1, fairness.Answered}, {25, 3, fairness.Failed}}, fairness.Closed, ""},
		"more than half fail":             {[]reports{{24, 1, fairness.Answered}, {26, 1, fairness.Failed}}, fairness.Suspect, "25 of the last 49"},
		"only the last fifty count":       {[]reports{{500, 1, fairness.Answered}, {26, 1, fairness.Failed}}, fairness.Suspect, "26 of the last 50"},
		"a crowd fails":                   {[]reports{{600, 2, fairness.Failed}}, fairness.Suspect, ""},
		"one 403":                         {[]reports{{60, 1, fairness.Answered}, {1, 1, fairness.Forbidden}}, fairness.Suspect, "403"},
		"many 403":                        {[]reports{{60, 5, fairness.Forbidden}}, fairness.Suspect, "403"},
		"one 401":                         {[]reports{{60, 1, fairness.Answered}, {1, 1, fairness.Unauthorized}}, fairness.Open, "credentials"},
		"one unreadable response":         {[]reports{{60, 1, fairness.Answered}, {1, 1, fairness.Unreadable}}, fairness.Suspect, "understood"},
		"many unreadable responses":       {[]reports{{60, 5, fairness.Unreadable}}, fairness.Suspect, "understood"},
		"one user refused for good":       {[]reports{{1, 500, fairness.Permanent}}, fairness.Closed, ""},
		"19 users refused for good":       {[]reports{{19, 1, fairness.Permanent}}, fairness.Closed, ""},
		"20 users refused for good":       {[]reports{{20, 1, fairness.Permanent}}, fairness.Open, "a broken mapping?"},
		"half refused for good":           {[]reports{{25, 1, fairness.Answered}, {25, 1, fairness.Permanent}}, fairness.Closed, ""},
		"more than half refused for good": {[]reports{{24, 1, fairness.Answered}, {26, 1, fairness.Permanent}}, fairness.Open, "25 of the last 49"},
	} {
		t.Run(name, func(t *testing.T) {
			b, next := fairness.NewBreaker(fairness.BreakerConfig{}), 0
			for _, r := range test.reports {
				for range max(1, r.times) {
					report(b, next, r.users, r.result)
				}
				next += r.users
			}
			got := b.Status()
			if got.State != test.want || !strings.Contains(got.Reason, test.reason) {
				t.Errorf("got %v (%s), want %v (%s)", got.State, got.Reason, test.want, test.reason)
			}
			if strings.Contains(got.Reason, "user-") {
				t.Errorf("the reason names a user: %s", got.Reason)
			}
		})
	}
}

func TestTheNewestResultOfAUserCounts(t *testing.T) {
	b := fairness.NewBreaker(fairness.BreakerConfig{})
	report(b, 0, 4, fairness.Failed)
	report(b, 0, 4, fairness.Answered)
	report(b, 4, 4, fairness.Failed)
	wantState(t, b, fairness.Closed)
}

func TestOldResultsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fairness.NewBreaker(fairness.BreakerConfig{})
		report(b, 0, 4, fairness.Failed)
		time.Sleep(16 * time.Minute)
		report(b, 4, 4, fairness.Failed)
		wantState(t, b, fairness.Closed)
		report(b, 8, 1, fairness.Failed)
		wantState(t, b, fairness.Suspect)
	})
}

func TestOnlyACheckDecidesOnASuspectVendor(t *testing.T) {
	for name, test := range map[string]struct {
		outcome error
		want    fairness.State
	}{
		"the check goes well": {nil, fairness.Closed},
		"the check fails":     {errDown, fairness.Open},
		"the check is late":   {context.DeadlineExceeded, fairness.Open},
		"the check is ended":  {fmt.Errorf("check: %w", context.Canceled), fairness.Suspect},
		"no verdict":          {fmt.Errorf("check: %w", fairness.ErrNoVerdict), fairness.Suspect},
	} {
		t.Run(name, func(t *testing.T) {
			b := fairness.NewBreaker(fairness.BreakerConfig{})
			if b.CheckDue() {
				t.Error("a check is due in the closed state")
			}
			report(b, 0, 5, fairness.Failed)
			if !b.Allows(wake) || !b.Allows(fresh) || !b.Allows(activity) {
				t.Error("a suspect vendor is not called")
			}
			check(t, b, test.outcome)
			wantState(t, b, test.want)
			if allows := b.Allows(fresh); allows != (test.want != fairness.Open) {
				t.Errorf("got fresh work allowed: %v in the state %v", allows, test.want)
			}
			if b.CheckDue() {
				t.Error("a second check is due at once")
			}
		})
	}
}

func TestOneCheckAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fairness.NewBreaker(fairness.BreakerConfig{})
		report(b, 0, 5, fairness.Failed)
		if !b.CheckDue() {
			t.Fatal("no check is due")
		}
		time.Sleep(time.Hour)
		if _, wanted := b.CheckAt(); wanted || b.CheckDue() {
			t.Error("a check is due while one runs")
		}
		report(b, 0, 1, fairness.Unauthorized)
		b.Checked(nil) // of the check before the hold
		wantState(t, b, fairness.Open)
	})
}

func TestTheTimeBetweenChecksDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fairness.NewBreaker(fairness.BreakerConfig{CheckEvery: time.Second, CheckMax: 5 * time.Second})
		report(b, 0, 5, fairness.Failed)
		check(t, b, errDown)
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
			if got := checkNext(t, b, errDown); got != want {
				t.Errorf("got %v before check %d, want %v", got, i, want)
			}
		}
		checkNext(t, b, nil)
		wantState(t, b, fairness.HalfOpen)
		report(b, 0, 2, fairness.Answered)
		wantState(t, b, fairness.Closed)
		report(b, 0, 1, fairness.Unauthorized)
		if got := checkNext(t, b, errDown); got != time.Second {
			t.Errorf("got %v before the first check of a new hold, want 1s", got)
		}
	})
}

// halfOpen returns a breaker in the half-open state after a hold for the given result.
func halfOpen(t *testing.T, r fairness.Result) *fairness.Breaker {
	t.Helper()
	b := fairness.NewBreaker(fairness.BreakerConfig{})
	report(b, 0, 20, r)
	if r == fairness.Failed {
		check(t, b, errDown)
	}
	wantState(t, b, fairness.Open)
	checkNext(t, b, nil)
	wantState(t, b, fairness.HalfOpen)
	return b
}

func TestHalfOpenTriesAFewFreshEffects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t, fairness.Failed)
		for i := range 3 {
			if b.Allows(wake) || b.Allows(activity) {
				t.Fatal("a due retry or activity is allowed")
			}
			if !b.Allows(fresh) {
				t.Fatalf("fresh effect %d is not allowed", i)
			}
			b.Begin()
		}
		if b.Allows(fresh) {
			t.Error("a fourth fresh effect is allowed")
		}
		report(b, 0, 1, fairness.Answered)
		wantState(t, b, fairness.HalfOpen)
		report(b, 1, 1, fairness.Permanent) // an answer, too
		wantState(t, b, fairness.Closed)
		if !b.Allows(wake) {
			t.Error("a wake is not allowed in the closed state")
		}
	})
}

// TestSickUsersDoNotKeepAVendorOnHold has fresh effects that fail, or none at all, at a
// vendor whose check goes well.
func TestSickUsersDoNotKeepAVendorOnHold(t *testing.T) {
	for _, probes := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(probes, " probes"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := halfOpen(t, fairness.Failed)
				report(b, 0, probes, fairness.Failed)
				wantState(t, b, fairness.HalfOpen)
				checkNext(t, b, nil)
				wantState(t, b, fairness.Closed)
			})
		})
	}
}

func TestHalfOpenEndsAgain(t *testing.T) {
	for name, test := range map[string]struct {
		hold fairness.Result // that put the vendor on hold
		next func(*testing.T, *fairness.Breaker)
	}{
		"a refused check":       {fairness.Failed, func(t *testing.T, b *fairness.Breaker) { checkNext(t, b, errDown) }},
		"refused credentials":   {fairness.Failed, func(_ *testing.T, b *fairness.Breaker) { report(b, 0, 1, fairness.Unauthorized) }},
		"the mapping is broken": {fairness.Permanent, func(_ *testing.T, b *fairness.Breaker) { report(b, 0, 2, fairness.Permanent) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := halfOpen(t, test.hold)
				test.next(t, b)
				wantState(t, b, fairness.Open)
				if got := checkNext(t, b, errDown); got != time.Minute {
					t.Errorf("got %v before the next check, want twice the first time", got)
				}
			})
		})
	}
}

// TestABrokenMappingHoldsUntilEffectsAreTaken is about a vendor whose check goes well all
// the time.
func TestABrokenMappingHoldsUntilEffectsAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t, fairness.Permanent)
		checkNext(t, b, nil)
		wantState(t, b, fairness.HalfOpen)
		if !b.Allows(wake) || !b.Allows(activity) {
			t.Error("without fresh work, no other class is tried after a second check")
		}
		for range 3 {
			b.Begin()
		}
		if b.Allows(wake) {
			t.Error("a fourth effect is allowed")
		}
		report(b, 0, 2, fairness.Answered)
		wantState(t, b, fairness.Closed)
		report(b, 0, 19, fairness.Permanent)
		wantState(t, b, fairness.Closed)
	})
}

func TestResultsAreIgnoredWhileOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fairness.NewBreaker(fairness.BreakerConfig{})
		report(b, 0, 1, fairness.Unauthorized)
		report(b, 0, 50, fairness.Answered)
		report(b, 0, 50, fairness.Unauthorized)
		wantState(t, b, fairness.Open)
		if got := checkNext(t, b, nil); got != 30*time.Second {
			t.Errorf("got %v before the check, want 30s", got)
		}
	})
}

func TestEachHalfOpenStateHasItsOwnProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t, fairness.Failed)
		for range 3 {
			b.Begin()
		}
		report(b, 0, 1, fairness.Answered)
		checkNext(t, b, errDown)
		checkNext(t, b, nil)
		if !b.Allows(fresh) {
			t.Error("the probes of the state before count")
		}
		report(b, 0, 1, fairness.Answered)
		wantState(t, b, fairness.HalfOpen)
	})
}

// TestAHoldForRefusalsEndsWhole is about a hold for an outage after one for refusals.
func TestAHoldForRefusalsEndsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t, fairness.Permanent)
		report(b, 0, 2, fairness.Answered)
		wantState(t, b, fairness.Closed)
		report(b, 0, 1, fairness.Unauthorized)
		checkNext(t, b, nil)
		report(b, 0, 2, fairness.Permanent)
		wantState(t, b, fairness.Closed)
	})
}

func TestAClosedBreakerForgetsARunningCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t, fairness.Failed)
		time.Sleep(time.Minute)
		if !b.CheckDue() {
			t.Fatal("no second check is due")
		}
		report(b, 0, 2, fairness.Answered)
		wantState(t, b, fairness.Closed)
		b.Checked(errDown) // too late
		wantState(t, b, fairness.Closed)
		report(b, 0, 5, fairness.Failed)
		checkNext(t, b, nil)
		wantState(t, b, fairness.Closed)
	})
}

func TestSinceIsTheBeginningOfTheHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, begun := fairness.NewBreaker(fairness.BreakerConfig{}), time.Now()
		report(b, 0, 1, fairness.Unauthorized)
		checkNext(t, b, errDown)
		checkNext(t, b, errDown)
		if got := b.Status().Since; !got.Equal(begun) {
			t.Errorf("got %v, want %v", got, begun)
		}
	})
}

func TestChangedReceivesEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fairness.NewBreaker(fairness.BreakerConfig{})
		for i, change := range []func(){
			func() { report(b, 0, 20, fairness.Permanent) },
			func() { checkNext(t, b, nil) },
			func() { checkNext(t, b, fairness.ErrNoVerdict) },
			func() { checkNext(t, b, nil) },
			func() { report(b, 0, 2, fairness.Answered) },
		} {
			change()
			select {
			case <-b.Changed():
			default:
				t.Errorf("change %d is not signalled", i)
			}
		}
		report(b, 0, 1, fairness.Failed)
		select {
		case <-b.Changed():
			t.Error("a report that changes nothing is signalled")
		default:
		}
	})
}

func TestReasonsAreShortLines(t *testing.T) {
	b := fairness.NewBreaker(fairness.BreakerConfig{})
	report(b, 0, 5, fairness.Failed)
	check(t, b, errors.New(strings.Repeat("ä\n", 1000)))
	if got := b.Status().Reason; len(got) > 300 || strings.Contains(got, "\n") || strings.Contains(got, "\ufffd") {
		t.Errorf("got a reason of %d bytes: %q", len(got), got)
	}
}
