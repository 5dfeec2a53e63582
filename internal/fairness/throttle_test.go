package fairness_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/fairness"
)

func rateOf(p *fairness.Pacer) float64 {
	rate, _ := p.Rate()
	return rate
}

func TestA429HalvesTheRateAndAnswersRaiseTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(8)
		p.Penalize(0)
		p.Penalize(0) // of the same second
		if got := rateOf(p); got != 4 {
			t.Errorf("got a rate of %v after a 429, want 4", got)
		}
		last := rateOf(p)
		for seconds := 0; rateOf(p) < 8; seconds++ {
			if seconds > 10 {
				t.Fatalf("the rate is still at %v after %d s", rateOf(p), seconds)
			}
			time.Sleep(time.Second)
			p.Answered()
			p.Answered()
			if step := rateOf(p) - last; step <= 0 || step > 0.8+0.01 {
				t.Fatalf("got a step of %v, want a tenth of the full rate at most", step)
			}
			last = rateOf(p)
		}
	})
}

func TestThePenaltyStaysWithANewRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(8)
		p.Penalize(0)
		p.SetRate(2)
		if got := rateOf(p); got != 1 {
			t.Errorf("got a rate of %v, want half of the new one", got)
		}
	})
}

func TestManyA429DoNotStopTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(64)
		for range 60 {
			time.Sleep(time.Second)
			p.Penalize(0)
		}
		if got := rateOf(p); got != 1 {
			t.Errorf("got a rate of %v, want the floor of 1", got)
		}
	})
}

func TestWithoutALimitA429HalvesTheMeasuredRate(t *testing.T) {
	for name, test := range map[string]struct {
		every    time.Duration
		min, max float64
	}{
		"400 a second":               {2500 * time.Microsecond, 190, 210},
		"less than the least, a 100": {100 * time.Millisecond, 50, 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := fairness.NewPacer(0)
				for range 1000 {
					p.Answered()
					time.Sleep(test.every)
				}
				if _, limited := p.Rate(); limited {
					t.Fatal("got a limit before the first 429")
				}
				p.Penalize(0)
				if got := rateOf(p); got < test.min || got > test.max {
					t.Errorf("got a rate of %v, want %v to %v", got, test.min, test.max)
				}
				for range 10 {
					time.Sleep(time.Second)
					p.Answered()
				}
				if rate, limited := p.Rate(); limited {
					t.Errorf("got a limit of %v at the end, want none", rate)
				}
			})
		})
	}
}

// TestRetryAfter is about the time for which no call starts.
func TestRetryAfter(t *testing.T) {
	const answered = -1
	for name, test := range map[string]struct {
		steps []time.Duration // Retry-After of each 429, or answered
		want  time.Duration
	}{
		"one 429":                        {[]time.Duration{90 * time.Second}, 0},
		"of the first of two":            {[]time.Duration{90 * time.Second, 0}, 90 * time.Second},
		"of the second of two":           {[]time.Duration{0, 90 * time.Second}, 90 * time.Second},
		"the later one counts":           {[]time.Duration{90 * time.Second, 30 * time.Second}, 90 * time.Second},
		"of neither":                     {[]time.Duration{0, 0}, 0},
		"an answer in between":           {[]time.Duration{90 * time.Second, answered, 0}, 0},
		"an answer before the last two":  {[]time.Duration{90 * time.Second, answered, 0, 0}, 0},
		"a day is cut to an hour":        {[]time.Duration{24 * time.Hour, 24 * time.Hour}, time.Hour},
		"an answer ends a rest":          {[]time.Duration{90 * time.Second, 0, answered}, 0},
		"three of which the last counts": {[]time.Duration{0, 0, 10 * time.Second}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := fairness.NewPacer(100)
				for _, after := range test.steps {
					if after == answered {
						p.Answered()
					} else {
						p.Penalize(after)
					}
				}
				if got := p.Rest(); got != test.want {
					t.Errorf("got a rest of %v, want %v", got, test.want)
				}
				begun := time.Now()
				if err := p.Wait(context.Background(), wake); err != nil { // wakes are no probes
					t.Fatal(err)
				}
				if got := time.Since(begun); got != test.want {
					t.Errorf("got a call after %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestCallsThatWaitSeeARestThatBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := fairness.NewPacer(10), &grants{}
		drain(t, p, 10)
		wg := queue(t.Context(), p, g, fairness.Counts{0, 3, 0})
		p.Penalize(time.Minute)
		p.Penalize(time.Minute)
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if got := sum(g.counts(10)); got != 0 {
			t.Errorf("got %d calls before Retry-After was over, want none", got)
		}
		wg.Wait()
		if got := g.most(0); got != 1 {
			t.Errorf("got %d calls at once after a 429, want 1", got)
		}
	})
}

// rest returns a Pacer that rests for a minute.
func rest(rate float64) *fairness.Pacer {
	p := fairness.NewPacer(rate)
	p.Penalize(time.Minute)
	p.Penalize(time.Minute)
	return p
}

func TestARestTurnsAwayAllButOneFreshCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(10)
		drain(t, p, 10)
		p.Penalize(time.Minute)
		ended := make(chan error, 10)
		for _, class := range []fairness.Class{fresh, fresh, wake, activity} {
			go func() { ended <- p.Admit(t.Context(), class) }()
		}
		synctest.Wait()
		p.Penalize(time.Minute)
		for range 3 {
			if err := <-ended; !errors.Is(err, fairness.ErrResting) {
				t.Errorf("got %v of a call at the beginning of a rest, want %v", err, fairness.ErrResting)
			}
		}
		if err := p.Admit(t.Context(), fresh); !errors.Is(err, fairness.ErrResting) {
			t.Errorf("got %v of a further fresh call, want %v", err, fairness.ErrResting)
		}
		if err := <-ended; err != nil {
			t.Errorf("got %v of the probe, want a call", err)
		}
	})
}

// Of a minute of refusals the vendor sees a handful of probes; the first answer ends the rest.
func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, begun := rest(50), time.Now()
		var at []time.Duration
		for time.Since(begun) < 50*time.Second {
			if p.Admit(t.Context(), fresh) != nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			at = append(at, time.Since(begun).Round(time.Second/2))
			p.Penalize(time.Minute)
		}
		var want []time.Duration
		for wait := time.Second / 2; len(want) < 6; wait *= 2 { // 0.5 s, 1.5 s, 3.5 s …
			want = append(want, 2*wait-time.Second/2)
		}
		if !slices.Equal(at, want) {
			t.Errorf("got probes after %v, want %v", at, want)
		}
		time.Sleep(20 * time.Second) // the next probe is due
		if err := p.Admit(t.Context(), fresh); err != nil {
			t.Fatal(err)
		}
		p.Answered()
		if got := p.Rest(); got > 0 || rateOf(p) < 5 {
			t.Errorf("got a rest of %v and a rate of %v after an answer, want none and a tenth", got, rateOf(p))
		}
	})
}

// The tokens that came in during a rest are gone once a probe has started: an answer lets the
// next call start after a whole token, and not at the same moment as the probe.
func TestAProbeEmptiesTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := rest(1)
		time.Sleep(10 * time.Second)
		if err := p.Admit(t.Context(), fresh); err != nil {
			t.Fatal(err)
		}
		probed := time.Now()
		p.Answered()
		if err := p.Wait(t.Context(), fresh); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(probed); got < time.Second {
			t.Errorf("got the next call %v after the probe, want a second at least at one call a second", got)
		}
	})
}

// TestAThousandRefusedUsers has a vendor that answers 429 with Retry-After to all users but
// healthy ones. All calls together keep to the rate, and a healthy user waits for less than
// a second once the others were asked.
func TestAThousandRefusedUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := fairness.NewPacer(50), &grants{}
		ctx, stop := context.WithCancel(t.Context())
		var users sync.WaitGroup
		for range 1000 {
			users.Go(func() {
				for class := fresh; ctx.Err() == nil; class = wake {
					if p.Admit(ctx, class) == nil {
						g.add(class)
						time.Sleep(time.Millisecond)
						p.Penalize(time.Minute)
						sleep(ctx, time.Minute)
					} else {
						sleep(ctx, 100*time.Millisecond)
					}
				}
			})
		}
		time.Sleep(90 * time.Second)
		for range 50 {
			begun := time.Now()
			for p.Admit(ctx, fresh) != nil {
				time.Sleep(10 * time.Millisecond)
			}
			g.add(fresh)
			time.Sleep(time.Millisecond)
			p.Answered()
			if took := time.Since(begun); took > time.Second {
				t.Errorf("a healthy user waited for %v", took)
			}
			time.Sleep(time.Millisecond)
		}
		stop()
		users.Wait()
		if most := g.most(time.Second); most > 100 {
			t.Errorf("got %d calls in a second at a rate of 50", most)
		}
	})
}

// TestAVendorThatRefusesEverything sees a handful of calls in the time of a Retry-After.
func TestAVendorThatRefusesEverything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := rates.Draw(rt, "rate")
		after := time.Duration(rapid.IntRange(10, 120).Draw(rt, "Retry-After")) * time.Second
		took := milliseconds(300).Draw(rt, "of a call")
		pause := time.Second + milliseconds(3000).Draw(rt, "between events")
		g := &grants{}
		synctest.Test(t, func(t *testing.T) {
			p := fairness.NewPacer(rate)
			ctx, stop := context.WithCancel(t.Context())
			var users sync.WaitGroup
			for i := range 12 {
				users.Go(func() {
					for class := fairness.Class(i % fairness.Classes); ctx.Err() == nil; sleep(ctx, pause) {
						if p.Admit(ctx, class) == nil {
							g.add(class)
							sleep(ctx, took)
							p.Penalize(after)
						}
					}
				})
			}
			time.Sleep(5 * time.Minute)
			stop()
			users.Wait()
		})
		// At the beginning, a burst and what is in flight; then probes, and one or two calls
		// at the end of each Retry-After.
		burst := int(max(1, rate)*(1+2*took.Seconds())) + 10
		if got := g.most(5 * time.Minute); got > burst+12+3*int(5*time.Minute/after) {
			rt.Fatalf("got %d calls in five minutes at a rate of %v, Retry-After %v", got, rate, after)
		}
	})
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
