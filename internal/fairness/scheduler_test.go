package fairness_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/fairness"
)

// runLog records the names of begun work, in order.
type runLog struct {
	mu    sync.Mutex
	began []string
}

func (d *runLog) work(name string, end <-chan struct{}) *fairness.Work {
	return fairness.NewWork(func(c fairness.Class) {
		d.mu.Lock()
		d.began = append(d.began, name+" as "+c.String())
		d.mu.Unlock()
		<-end
	})
}

func (d *runLog) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.began)
}

func TestSchedulerFillsSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fairness.NewScheduler(3)
		end := make(chan struct{})
		d := &runLog{}
		for range 5 {
			s.Submit(fairness.Fresh, d.work("a", end))
		}
		synctest.Wait()
		if got := len(d.read()); got != 3 || s.Busy() != (fairness.Counts{3, 0, 0}) {
			t.Errorf("%d began, %v in use, want 3", got, s.Busy())
		}
		close(end)
		synctest.Wait()
		if got := len(d.read()); got != 5 || s.Busy() != (fairness.Counts{}) {
			t.Errorf("%d began in the end, %v in use, want 5 and none", got, s.Busy())
		}
	})
}

// Wakes that never end leave slots to fresh work, and to all fresh work once they end.
func TestSchedulerKeepsSlotsForFreshWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fairness.NewScheduler(8)
		slow, quick := make(chan struct{}), make(chan struct{})
		d := &runLog{}
		for range 20 {
			s.Submit(fairness.Wake, d.work("slow", slow))
		}
		for range 8 {
			s.Submit(fairness.Fresh, d.work("fresh", quick))
		}
		synctest.Wait()
		if got, want := s.Busy(), (fairness.Counts{1, 7, 0}); got != want {
			t.Errorf("got %v in use, want %v", got, want)
		}
		close(slow)
		close(quick)
		synctest.Wait()
	})
}

func TestSchedulerMovesWorkToAnEarlierClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fairness.NewScheduler(1)
		end := make(chan struct{})
		d := &runLog{}
		s.Submit(fairness.Fresh, d.work("first", end))
		synctest.Wait()
		moved, fresh := d.work("moved", end), d.work("fresh", end)
		s.Submit(fairness.Activity, moved)
		s.Submit(fairness.Wake, moved)
		s.Submit(fairness.Fresh, fresh)
		s.Submit(fairness.Fresh, moved)
		s.Submit(fairness.Activity, moved)
		close(end)
		synctest.Wait()
		if diff := cmp.Diff([]string{"first as fresh", "fresh as fresh", "moved as fresh"}, d.read()); diff != "" {
			t.Errorf("began (-want +got)\n%s", diff)
		}
	})
}

// Work may be submitted again while it runs, and then runs once more.
func TestSchedulerRunsWorkAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fairness.NewScheduler(1)
		end := make(chan struct{})
		d := &runLog{}
		again := d.work("again", end)
		s.Submit(fairness.Wake, again)
		synctest.Wait()
		s.Submit(fairness.Wake, again)
		s.Submit(fairness.Wake, again)
		close(end)
		synctest.Wait()
		if got := len(d.read()); got != 2 {
			t.Errorf("began %d times, want 2", got)
		}
	})
}

// The slots of a class that ends go to the class that waits.
func TestSchedulerFillsAllSlotsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := fairness.NewScheduler(16), &runLog{}
		wakes, activities := make(chan struct{}), make(chan struct{})
		for range 100 {
			s.Submit(fairness.Wake, d.work("wake", wakes))
			s.Submit(fairness.Activity, d.work("activity", activities))
		}
		synctest.Wait()
		if got := s.Busy(); got[fairness.Wake]+got[fairness.Activity] != 14 {
			t.Errorf("got %v in use, want 14 of them", got)
		}
		close(wakes)
		synctest.Wait()
		if got, want := s.Busy(), (fairness.Counts{0, 0, 14}); got != want {
			t.Errorf("got %v in use after the wakes, want %v", got, want)
		}
		close(activities)
		synctest.Wait()
	})
}

func BenchmarkScheduler(b *testing.B) {
	s := fairness.NewScheduler(8)
	var left sync.WaitGroup
	w := fairness.NewWork(func(fairness.Class) { left.Done() })
	b.ReportAllocs()
	for b.Loop() {
		left.Add(1)
		s.Submit(fairness.Activity, w)
		left.Wait()
	}
}
