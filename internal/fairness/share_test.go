package fairness_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/fairness"
)

const (
	announceEvery = time.Second
	announceTTL   = 5 * time.Second
)

// board stores the announcements of all processes until the end of the TTL, as a server does.
type board struct {
	mu        sync.Mutex
	notices   map[string]notice
	outageEnd time.Time // end of an outage of the board
}

type notice struct {
	busy   bool
	stored time.Time
}

// announce stores an announcement, and returns the numbers of live and busy processes.
func (b *board) announce(id string, busy bool) (processes, busyOnes int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Before(b.outageEnd) {
		return 0, 0, false
	}
	b.notices[id] = notice{busy, now}
	maps.DeleteFunc(b.notices, func(_ string, n notice) bool { return now.Sub(n.stored) >= announceTTL })
	for _, n := range b.notices {
		processes++
		if n.busy {
			busyOnes++
		}
	}
	return processes, busyOnes, true
}

// startOutage starts an outage of the board.
func (b *board) startOutage(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outageEnd = time.Now().Add(d)
}

func (b *board) leave(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.notices, id)
}

// fleet is a number of processes that call one vendor.
type fleet struct {
	rate   float64
	board  board
	number int
	grants grants

	mu    sync.Mutex
	all   []*member
	most  float64 // the largest sum of the parts of live processes, in calls a second
	ended sync.WaitGroup
}

// member is a process.
type member struct {
	id    string
	pacer *fairness.Pacer
	share *fairness.Share
	alive context.Context
	kill  context.CancelFunc
	late  time.Duration // delay of announcements

	mu    sync.Mutex
	every time.Duration // interval of wanted calls; 0: none
	calls int
}

func newFleet(rate float64) *fleet {
	return &fleet{rate: rate, board: board{notices: map[string]notice{}}}
}

// start adds a process.
func (f *fleet) start(ctx context.Context, every, late time.Duration) *member {
	f.number++
	p := fairness.NewPacer(f.rate)
	m := &member{id: fmt.Sprint("p", f.number), pacer: p, share: fairness.NewShare(p, f.rate), every: every, late: late}
	m.alive, m.kill = context.WithCancel(ctx)
	f.add(m)
	f.ended.Go(func() { f.announce(m.alive, m) })
	f.ended.Go(func() { f.call(m.alive, m) })
	return m
}

func (f *fleet) add(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, m)
}

// watch adds up the parts of the live processes, until ctx ends.
func (f *fleet) watch(ctx context.Context) {
	for ctx.Err() == nil {
		total := 0.0
		f.mu.Lock()
		for _, m := range f.all {
			if m.alive.Err() == nil {
				total += rateOf(m.pacer)
			}
		}
		f.most = max(f.most, total)
		f.mu.Unlock()
		sleep(ctx, 200*time.Millisecond)
	}
}

// announce announces a process periodically.
func (f *fleet) announce(ctx context.Context, m *member) {
	for ctx.Err() == nil {
		began, busy := time.Now(), m.share.Demand()
		if processes, busyOnes, ok := f.board.announce(m.id, busy); ok {
			sleep(ctx, m.late)
			if ctx.Err() == nil {
				m.share.Update(fairness.Fleet{Processes: processes, Busy: busyOnes, SelfBusy: busy, Announced: began})
			}
		}
		sleep(ctx, max(announceEvery-m.late, announceEvery/10))
	}
}

// call makes the calls of a process.
func (f *fleet) call(ctx context.Context, m *member) {
	for ctx.Err() == nil {
		m.mu.Lock()
		every := m.every
		m.mu.Unlock()
		if every == 0 {
			sleep(ctx, time.Second)
			continue
		}
		limited, cancel := context.WithTimeout(ctx, 5*time.Second)
		if m.pacer.Wait(limited, fresh) == nil {
			f.grants.add(fresh)
			m.mu.Lock()
			m.calls++
			m.mu.Unlock()
		}
		cancel()
		sleep(ctx, every)
	}
}

func (m *member) made() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

func (m *member) want(every time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.every = every
}

// made returns the number of calls of all processes within a time from now.
func (f *fleet) made(d time.Duration) int {
	before := sum(f.grants.counts(1 << 30))
	time.Sleep(d)
	synctest.Wait()
	return sum(f.grants.counts(1<<30)) - before
}

const asFast = time.Millisecond

func TestProcessesShareTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		f := newFleet(10)
		defer f.ended.Wait()
		defer stop()
		for range 3 {
			f.start(ctx, asFast, 0)
		}
		time.Sleep(30 * time.Second)
		if got := f.made(time.Minute); got < 540 || got > 660 {
			t.Errorf("got %d calls of three busy processes in a minute at ten a second", got)
		}
		f.all[2].kill()
		time.Sleep(30 * time.Second)
		if got := f.made(time.Minute); got < 540 || got > 660 {
			t.Errorf("got %d calls in a minute, half a minute after a death", got)
		}
		f.all[1].want(0)
		time.Sleep(time.Minute)
		before := f.all[0].made()
		time.Sleep(time.Minute)
		if got := f.all[0].made() - before; got < 480 || got > 600 {
			t.Errorf("got %d calls of the only busy process in a minute, want 0.8 to 1 of the rate", got)
		}
		before = f.all[1].made()
		f.all[1].want(asFast)
		time.Sleep(time.Minute)
		if got := f.all[1].made() - before; got < 200 {
			t.Errorf("got %d calls of a process that was idle, in its first minute", got)
		}
	})
}

func TestAProcessAloneBeginsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(0.1)
		share, begun := fairness.NewShare(p, 0.1), time.Now()
		share.Update(fairness.Fleet{Processes: 1, Announced: begun})
		if err := p.Wait(t.Context(), fresh); err != nil || time.Since(begun) > 0 {
			t.Errorf("got %v after %v, want a call at once", err, time.Since(begun))
		}
	})
}

// A process that cannot announce itself makes no call after four seconds. A process that starts
// beside others makes no call for the first four seconds.
func TestAProcessWithoutNewsStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(100)
		share, begun := fairness.NewShare(p, 100), time.Now()
		announce := func(n int) { share.Update(fairness.Fleet{Processes: n, Announced: time.Now()}) }
		rates := func(seconds int) (list []float64) {
			for range seconds {
				list = append(list, rateOf(p))
				time.Sleep(time.Second)
			}
			return list
		}
		announce(1)
		if got := rates(6); !slices.Equal(got, []float64{100, 100, 100, 100, 0, 0}) {
			t.Errorf("got rates %v after the last news", got)
		}
		for range 10 {
			announce(2)
			time.Sleep(time.Second)
			if want := time.Since(begun) >= 10*time.Second; (rateOf(p) == 50) != want {
				t.Errorf("got a rate of %v after %v", rateOf(p), time.Since(begun))
			}
		}
		announce(4)
		announce(2)
		if got := rateOf(p); got != 25 {
			t.Errorf("got a rate of %v, want the smallest of the last seconds", got)
		}
	})
}

func TestNoLimitStaysNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(0)
		share := fairness.NewShare(p, 0)
		for n := range 3 {
			share.Update(fairness.Fleet{Processes: n, Announced: time.Now()})
			if rate, limited := p.Rate(); limited {
				t.Errorf("got a limit of %v with %d processes, want none", rate, n)
			}
		}
	})
}

// TestFleetKeepsToTheRateInRandomHistories lets processes start, die, leave and change demand, with
// late announcements and outages of the board.
func TestFleetKeepsToTheRateInRandomHistories(t *testing.T) {
	const rate, burst = 12, 12
	rapid.Check(t, func(rt *rapid.T) {
		type event struct{ kind, which, value, after int }
		history := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) event {
			return event{rapid.IntRange(0, 5).Draw(rt, "kind"), rapid.IntRange(0, 9).Draw(rt, "which"), rapid.IntRange(0, 10_000).Draw(rt, "value"), rapid.IntRange(0, 12_000).Draw(rt, "after")}
		}), 1, 14).Draw(rt, "history")
		f := newFleet(rate)
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer f.ended.Wait()
			defer stop()
			f.ended.Go(func() { f.watch(ctx) })
			f.start(ctx, asFast, 0)
			for _, e := range history {
				m := f.all[e.which%len(f.all)]
				switch value := time.Duration(e.value) * time.Millisecond; e.kind {
				case 0, 1:
					if len(f.all) < 8 {
						f.start(ctx, asFast*time.Duration(e.which%2), value)
					}
				case 2:
					m.kill()
				case 3:
					m.kill()
					f.board.leave(m.id)
				case 4:
					f.board.startOutage(value)
				default:
					m.want(asFast * time.Duration(e.value%2))
				}
				time.Sleep(time.Duration(e.after) * time.Millisecond)
			}
		})
		if f.most > rate+1e-6 {
			rt.Fatalf("got parts of %g calls a second together at a rate of %d", f.most, rate)
		}
		for _, seconds := range []int{1, 5, 20} {
			// Each bucket of the fleet may hold a whole call even with a smaller part.
			if got, most := f.grants.most(time.Duration(seconds)*time.Second), rate*seconds+burst+len(f.all); got > most {
				rt.Fatalf("got %d calls in %d s at a rate of %d, want at most %d", got, seconds, rate, most)
			}
		}
	})
}
