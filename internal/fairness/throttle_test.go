package fairness_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

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
		"an answer does not end a rest":  {[]time.Duration{90 * time.Second, 0, answered}, 90 * time.Second},
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
				if err := p.Wait(context.Background(), fresh); err != nil {
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
		wg := queue(t.Context(), p, g, fairness.Counts{3, 0, 0})
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
