package fairness_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/fairness"
)

// step is one step of a random history: time passes, results come, and a check that is
// due is made.
type step struct {
	pause   time.Duration
	from, n int // users
	result  fairness.Result
	healthy bool // the outcome of a check
}

func steps(results ...fairness.Result) *rapid.Generator[[]step] {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
		return step{
			pause:   milliseconds(20_000).Draw(rt, "pause"),
			from:    rapid.IntRange(0, 100).Draw(rt, "from"),
			n:       rapid.IntRange(1, 60).Draw(rt, "users"),
			result:  rapid.SampledFrom(results).Draw(rt, "result"),
			healthy: rapid.Bool().Draw(rt, "healthy"),
		}
	}), 1, 60)
}

// outcome is what a history shows.
type outcome struct {
	held     bool // the vendor was on hold at any time
	unasked  bool // the vendor was put on hold without a failed check
	tooOften error
	stuck    fairness.State // the state after two healthy checks at the end
}

// playBreaker plays a history. With neverSick, every check goes well.
func playBreaker(t *testing.T, history []step, neverSick bool) (o outcome) {
	synctest.Test(t, func(*testing.T) {
		b, last := fairness.NewBreaker(fairness.BreakerConfig{}), time.Time{}
		check := func(healthy bool) {
			if !b.CheckDue() {
				return
			}
			if since := time.Since(last); since < 30*time.Second {
				o.tooOften = fmt.Errorf("two checks within %v", since)
			}
			last = time.Now()
			err := errDown
			if healthy {
				err = nil
			}
			b.Checked(err)
		}
		for _, s := range history {
			time.Sleep(s.pause)
			before := b.State()
			for u := s.from; u < s.from+s.n; u++ {
				b.Report(fmt.Sprint(u), s.result)
			}
			o.unasked = o.unasked || (b.State() == fairness.Open && before != fairness.Open)
			check(s.healthy || neverSick)
			o.held = o.held || b.State() == fairness.Open
		}
		for range 2 {
			time.Sleep(10 * time.Minute)
			check(true)
		}
		o.stuck = b.State()
	})
	return o
}

func TestACrowdOfSickUsersNeverHoldsAHealthyVendor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		history := steps(fairness.Failed, fairness.Failed, fairness.Forbidden, fairness.Answered).Draw(rt, "history")
		if o := playBreaker(t, history, true); o.held || o.tooOften != nil {
			rt.Fatalf("got on hold: %v, checks: %v", o.held, o.tooOften)
		}
	})
}

func TestOnlyAFailedCheckHoldsAVendorAndTwoHealthyOnesEndTheHold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		history := steps(fairness.Failed, fairness.Failed, fairness.Forbidden, fairness.Answered).Draw(rt, "history")
		if o := playBreaker(t, history, false); o.unasked || o.tooOften != nil || o.stuck != fairness.Closed {
			rt.Fatalf("got on hold without a check: %v, checks: %v, in the end %v", o.unasked, o.tooOften, o.stuck)
		}
	})
}

func TestChecksKeepTheirDistance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		history := steps(fairness.Failed, fairness.Permanent, fairness.Unauthorized, fairness.Forbidden, fairness.Answered).Draw(rt, "history")
		if o := playBreaker(t, history, false); o.tooOften != nil || o.stuck == fairness.Open {
			rt.Fatalf("got checks: %v, in the end %v", o.tooOften, o.stuck)
		}
	})
}

func BenchmarkBreakerReport(b *testing.B) {
	breaker, users := fairness.NewBreaker(fairness.BreakerConfig{}), [100]string{}
	for i := range users {
		users[i] = fmt.Sprint("user ", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		breaker.Report(users[i%100], fairness.Result(i%3))
	}
}
