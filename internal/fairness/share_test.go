package fairness_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/fairness"
)

// fleet is a number of processes that call one vendor as fast as each may.
type fleet struct {
	rate   float64
	grants grants
	shares []*fairness.Share
	stops  []context.CancelFunc
	wg     sync.WaitGroup
}

// start adds a process that knows its own number at once.
func (f *fleet) start(t *testing.T) {
	p := fairness.NewPacer(f.rate)
	share := fairness.NewShare(p, f.rate)
	ctx, stop := context.WithCancel(t.Context())
	f.shares, f.stops = append(f.shares, share), append(f.stops, stop)
	share.SetProcesses(len(f.shares))
	f.wg.Go(func() {
		for p.Wait(ctx, fresh) == nil {
			f.grants.add(fresh)
		}
	})
}

// stop ends the last process.
func (f *fleet) stop() {
	last := len(f.shares) - 1
	f.stops[last]()
	f.shares, f.stops = f.shares[:last], f.stops[:last]
}

// notice makes every process know the number of processes.
func (f *fleet) notice() {
	for _, s := range f.shares {
		s.SetProcesses(len(f.shares))
	}
}

func (f *fleet) end() {
	for _, stop := range f.stops {
		stop()
	}
	f.wg.Wait()
}

func TestThreeProcessesKeepToOneRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rate: 10}
		defer f.end()
		count := func(seconds int) int {
			before := sum(f.grants.counts(1 << 30))
			time.Sleep(time.Duration(seconds) * time.Second)
			synctest.Wait()
			return sum(f.grants.counts(1<<30)) - before
		}
		f.start(t)
		f.start(t)
		f.start(t)
		f.notice()
		time.Sleep(5 * time.Second)
		if got := count(30); got < 290 || got > 310 {
			t.Errorf("got %d calls of three processes in 30 s at ten a second, want 300", got)
		}
		f.stop()
		f.stop()
		f.notice()
		time.Sleep(5 * time.Second)
		if got := count(30); got < 290 || got > 310 {
			t.Errorf("got %d calls of the last process in 30 s at ten a second, want 300", got)
		}
	})
}

func TestAProcessAloneBeginsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(0.1)
		share, begun := fairness.NewShare(p, 0.1), time.Now()
		share.SetProcesses(1)
		if err := p.Wait(t.Context(), fresh); err != nil || time.Since(begun) > 0 {
			t.Errorf("got %v after %v, want a call at once", err, time.Since(begun))
		}
	})
}

func TestAProcessBesideOthersWaitsUntilTheyKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(100)
		share, begun := fairness.NewShare(p, 100), time.Now()
		time.Sleep(time.Second) // the number is not known yet
		share.SetProcesses(2)
		if err := p.Wait(t.Context(), fresh); err != nil || time.Since(begun) != 4*time.Second {
			t.Errorf("got %v after %v, want a call 3 s after the number was known", err, time.Since(begun))
		}
	})
}

func TestARaiseIsTakenBackIfTheProcessReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(12)
		share := fairness.NewShare(p, 12)
		for _, step := range []struct {
			processes int
			after     time.Duration
			want      float64
		}{
			{3, 4 * time.Second, 4},
			{2, 2 * time.Second, 4}, // not yet
			{2, time.Second, 6},     // the repeat does not begin the wait anew
			{1, time.Second, 6},
			{3, 0, 4},
			{3, time.Hour, 4},
		} {
			share.SetProcesses(step.processes)
			time.Sleep(step.after)
			if got := rateOf(p); got != step.want {
				t.Errorf("got a rate of %v with %d processes after %v, want %v", got, step.processes, step.after, step.want)
			}
		}
	})
}

func TestARaiseCountsFromItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := fairness.NewPacer(10), &grants{}
		fairness.NewShare(p, 10).SetProcesses(2)
		time.Sleep(3500 * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		wg := queue(ctx, p, g, fairness.Counts{9, 0, 0})
		cancel()
		wg.Wait()
		if got := sum(g.counts(9)); got != 3 {
			t.Errorf("got %d calls at once half a second after the raise, want the first and half of five", got)
		}
	})
}

func TestNoLimitStaysNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(0)
		share := fairness.NewShare(p, 0)
		for _, n := range []int{0, 1, 3} {
			if n > 0 {
				share.SetProcesses(n)
			}
			if rate, limited := p.Rate(); limited {
				t.Errorf("got a limit of %v with %d processes, want none", rate, n)
			}
		}
	})
}

// TestFleetKeepsToTheRateInRandomHistories lets processes come and go, each of which
// hears of a change within three seconds.
func TestFleetKeepsToTheRateInRandomHistories(t *testing.T) {
	const rate = 12
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [2]int {
			return [2]int{rapid.IntRange(0, 2999).Draw(rt, "unknown for"), rapid.IntRange(-6000, 6000).Draw(rt, "until the next")}
		}), 1, 12).Draw(rt, "steps")
		f := &fleet{rate: rate}
		synctest.Test(t, func(t *testing.T) {
			defer f.end()
			f.start(t)
			for _, step := range steps {
				if stops := step[1] < 0 && len(f.shares) > 1; stops {
					f.stop()
				} else if len(f.shares) < 4 {
					f.start(t)
				}
				time.Sleep(time.Duration(step[0]) * time.Millisecond)
				f.notice()
				time.Sleep(time.Duration(max(step[1], -step[1])) * time.Millisecond)
			}
		})
		for _, seconds := range []int{1, 5, 20} {
			// Each bucket of the fleet may hold a fraction of a call more.
			if got, most := f.grants.most(time.Duration(seconds)*time.Second), rate*(seconds+1)+4; got > most {
				rt.Fatalf("got %d calls in %d s at a rate of %d, want at most %d", got, seconds, rate, most)
			}
		}
	})
}
