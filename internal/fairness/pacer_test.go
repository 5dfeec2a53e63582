package fairness_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/fairness"
)

// grants records the calls that got a token.
type grants struct {
	mu    sync.Mutex
	times []time.Time
	order []fairness.Class
}

func (g *grants) add(c fairness.Class) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.times, g.order = append(g.times, time.Now()), append(g.order, c)
}

// counts returns the first n grants by class.
func (g *grants) counts(n int) fairness.Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	got := fairness.Counts{}
	for _, c := range g.order[:min(n, len(g.order))] {
		got[c]++
	}
	return got
}

// most returns the most grants within any span.
func (g *grants) most(span time.Duration) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	most, from := 0, 0
	for i, at := range g.times {
		for at.Sub(g.times[from]) > span {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// queue starts calls that wait until ctx ends. Calls of one class queue in order.
func queue(ctx context.Context, p *fairness.Pacer, g *grants, waiting fairness.Counts) *sync.WaitGroup {
	wg := &sync.WaitGroup{}
	for c, n := range waiting {
		for range n {
			wg.Go(func() {
				if p.Wait(ctx, fairness.Class(c)) == nil {
					g.add(fairness.Class(c))
				}
			})
		}
	}
	synctest.Wait()
	return wg
}

// A further call of work that has begun goes before the calls of its class that begin work, and
// behind earlier calls like it.
func TestResumedWorkGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(1)
		drain(t, p, 1)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		wait := func(name string, wait func(context.Context, fairness.Class) error, c fairness.Class) {
			wg.Go(func() {
				if err := wait(t.Context(), c); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			})
			synctest.Wait()
		}
		wait("first", p.Admit, fairness.Fresh)
		wait("second", p.Admit, fairness.Fresh)
		wait("resumed", p.Resume, fairness.Fresh)
		wait("resumed later", p.Resume, fairness.Fresh)
		wait("third", p.Admit, fairness.Fresh)
		wg.Wait()
		if want := []string{"resumed", "resumed later", "first", "second", "third"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
	})
}

// drain takes the n tokens of the burst.
func drain(tb testing.TB, p *fairness.Pacer, n int) {
	tb.Helper()
	for range n {
		if err := p.Wait(tb.Context(), fresh); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestTokensAreDividedByClass(t *testing.T) {
	const many = 500
	for name, test := range map[string]struct {
		rate    float64
		waiting fairness.Counts
		first   int // grants that are counted
		want    fairness.Counts
	}{
		"all":                             {1000, fairness.Counts{many, many, many}, 400, fairness.Counts{160, 200, 40}},
		"fresh and wakes":                 {1000, fairness.Counts{many, many, 0}, 400, fairness.Counts{200, 200, 0}},
		"fresh and activity":              {1000, fairness.Counts{many, 0, many}, 400, fairness.Counts{360, 0, 40}},
		"wakes and activity":              {1000, fairness.Counts{0, many, many}, 400, fairness.Counts{0, 360, 40}},
		"all, fresh for long":             {1, fairness.Counts{many, many, many}, 400, fairness.Counts{310, 50, 40}},
		"fresh and wakes, fresh for long": {1, fairness.Counts{many, many, 0}, 400, fairness.Counts{350, 50, 0}},
		"only wakes":                      {1, fairness.Counts{0, many, 0}, 400, fairness.Counts{0, 400, 0}},
		"only activity":                   {1, fairness.Counts{0, 0, many}, 400, fairness.Counts{0, 0, 400}},
		"few fresh ones go first":         {1, fairness.Counts{4, many, many}, 5, fairness.Counts{4, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, g := fairness.NewPacer(test.rate), &grants{}
				drain(t, p, max(1, int(test.rate)))
				ctx, cancel := context.WithCancel(t.Context())
				wg := queue(ctx, p, g, test.waiting)
				time.Sleep(time.Duration(float64(test.first+1) / test.rate * float64(time.Second)))
				synctest.Wait()
				cancel()
				wg.Wait()
				got := g.counts(test.first)
				for c := range got {
					if math.Abs(float64(got[c]-test.want[c])) > 1 {
						t.Errorf("got %v of the first %d tokens, want about %v", got, test.first, test.want)
					}
				}
			})
		})
	}
}

// TestFreshBacklogBehindSlots has no fresh call wait for long: the slots let a few at a time
// through to the Pacer.
func TestFreshBacklogBehindSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := fairness.NewPacer(50), &grants{}
		drain(t, p, 50)
		ctx, cancel := context.WithCancel(t.Context())
		wg := queue(ctx, p, g, fairness.Counts{0, 1000, 0})
		for range 14 {
			wg.Go(func() {
				for p.Wait(ctx, fresh) == nil {
					g.add(fresh)
				}
			})
		}
		time.Sleep(17 * time.Second)
		cancel()
		wg.Wait()
		if got := g.counts(850); got[wake] > 25+100+2 {
			t.Errorf("got %v in 17 seconds, want half of the wakes in the first and an eighth in the others", got)
		}
	})
}

func TestBurstIsOneSecondsWorth(t *testing.T) {
	for name, test := range map[string]struct {
		rate float64
		want int // calls at once
	}{
		"five a second":           {5, 5},
		"less than one a second":  {0.2, 1},
		"a part of a call counts": {2.5, 2},
		"no limit":                {0, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, g := fairness.NewPacer(test.rate), &grants{}
				time.Sleep(time.Hour)
				ctx, cancel := context.WithCancel(t.Context())
				wg := queue(ctx, p, g, fairness.Counts{400, 400, 200})
				got := sum(g.counts(1000))
				cancel()
				wg.Wait()
				if got != test.want {
					t.Errorf("got %d calls at once, want %d", got, test.want)
				}
			})
		})
	}
}

func TestTryAdmitKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(1)
		if !p.TryAdmit() || p.TryAdmit() {
			t.Error("want the one token of the first second, and no further one")
		}
		time.Sleep(time.Second)
		if !p.TryAdmit() || p.TryAdmit() {
			t.Error("want the one token of the next second, and no further one")
		}
		p.Penalize(time.Hour)
		p.Penalize(time.Hour)
		time.Sleep(time.Minute)
		if p.TryAdmit() {
			t.Error("a token during a rest")
		}
	})
}

// TestACancelledCallLosesNoToken has calls that end at the very time of their grant.
func TestACancelledCallLosesNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := fairness.NewPacer(1), &grants{}
		drain(t, p, 1)
		wg := sync.WaitGroup{}
		for i := range 100 { // of these the first some end while queued, others with a grant
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i/4)*time.Second)
				defer cancel()
				if p.Wait(ctx, fresh) == nil {
					g.add(fresh)
				}
			})
		}
		all := queue(t.Context(), p, g, fairness.Counts{0, 0, 40})
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if got := sum(g.counts(1000)); got != 40 {
			t.Errorf("got %d calls in 40 s at one a second, want 40", got)
		}
		wg.Wait()
		all.Wait()
		if got := sum(p.Waiting()); got != 0 {
			t.Errorf("got %d calls that still wait, want none", got)
		}
	})
}

// TestATokenOfACancelledCallGoesToTheNext grants tokens to calls that are cancelled but have
// not left the queue yet. The scheduler decides on that, so there are many rounds.
func TestATokenOfACancelledCallGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			p, begun := fairness.NewPacer(1), time.Now()
			drain(t, p, 1)
			ctx, cancel := context.WithCancel(t.Context())
			outcome := make(chan error, 1)
			go func() { outcome <- p.Wait(ctx, fresh) }()
			synctest.Wait()
			time.Sleep(time.Second)
			cancel()
			p.Answered() // grants the token, unless the timer has
			if <-outcome == nil {
				continue
			}
			drain(t, p, 1)
			if took := time.Since(begun); took != time.Second {
				t.Fatalf("got the next call after %v, want the token of the cancelled one after a second", took)
			}
		}
	})
}

func TestWaitReturnsTheErrorOfTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(1)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Wait(ended, fresh); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if err := p.Wait(t.Context(), fresh); err != nil {
			t.Errorf("got %v, want the token that the ended call did not take", err)
		}
		short, cancelShort := context.WithTimeout(t.Context(), time.Second/2)
		defer cancelShort()
		if err := p.Wait(short, fresh); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// TestCallsOfOneClassKeepTheirOrder has calls that come at the very time of a token.
func TestCallsOfOneClassKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(1)
		order := make(chan int, 100)
		var wg sync.WaitGroup
		drain(t, p, 1)
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second / 2)
				if p.Wait(t.Context(), wake) == nil {
					order <- i
				}
			})
		}
		wg.Wait()
		for want := range 100 {
			if got := <-order; got != want {
				t.Fatalf("got call %d, want call %d", got, want)
			}
		}
	})
}

func TestALowerRateLeavesNoBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, lower := range map[string]func(*fairness.Pacer){
			"of a rate":    func(p *fairness.Pacer) { p.SetRate(1) },
			"of a penalty": func(p *fairness.Pacer) { p.Penalize(0) },
		} {
			p, g := fairness.NewPacer(100), &grants{}
			lower(p)
			ctx, cancel := context.WithCancel(t.Context())
			wg := queue(ctx, p, g, fairness.Counts{50, 0, 0})
			cancel()
			wg.Wait()
			if got := sum(g.counts(50)); got != 1 {
				t.Errorf("%s: got %d calls at once, want 1", name, got)
			}
		}
	})
}

func TestSetRateCountsForCallsThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := fairness.NewPacer(0.001), &grants{}
		drain(t, p, 1)
		wg := queue(t.Context(), p, g, fairness.Counts{5, 5, 5})
		begun := time.Now()
		p.SetRate(10)
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if got := sum(g.counts(100)); got != 10 {
			t.Errorf("got %d calls in a second at ten a second, want 10", got)
		}
		p.SetRate(0)
		wg.Wait()
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the calls waited for %v, want no wait without a limit", took)
		}
	})
}
