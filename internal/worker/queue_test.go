package worker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/ledger"
)

// TestQueue puts tasks of many records into a queue of few slots, some of which
// wait without their slot in between: never are more at work than there are slots,
// nor two of one record, and each record's come in the order of their events.
func TestQueue(t *testing.T) { synctest.Test(t, testQueue) }

func testQueue(t *testing.T) {
	const slots, records, each = 3, 20, 10
	q := newQueue(slots)
	var mu sync.Mutex
	var working, most int
	busy := map[string]bool{}
	done := map[string][]uint64{}
	enter := func(record string, by int) {
		mu.Lock()
		defer mu.Unlock()
		if working += by; working > slots {
			t.Errorf("%d at work at once", working)
		}
		most = max(most, working)
		if by > 0 && busy[record] {
			t.Errorf("two of %s are at work at once", record)
		}
		busy[record] = by > 0
	}
	work := func(one *task, s slot) {
		enter(one.record, 1)
		time.Sleep(200 * time.Microsecond)
		if rand.N(4) == 0 {
			mu.Lock()
			working--
			mu.Unlock()
			s.free()
			time.Sleep(time.Millisecond)
			s.take()
			mu.Lock()
			working++
			mu.Unlock()
		}
		mu.Lock()
		done[one.record] = append(done[one.record], one.order.Seq)
		mu.Unlock()
		enter(one.record, -1)
	}
	for seq := range uint64(records * each) {
		one := &task{record: fmt.Sprint("r", seq%records), order: ledger.Order{Epoch: 1, Seq: seq}, tenure: newTenure()}
		q.put(one, work, func(*task) { t.Error("given back") })
	}
	time.Sleep(time.Minute) // of virtual time: far more than all the work
	q.mu.Lock()
	if left := len(q.waiting); left > 0 {
		t.Errorf("%d records are left", left)
	}
	q.mu.Unlock()
	q.close()
	for record, list := range done {
		if len(list) != each || !slices.IsSorted(list) {
			t.Errorf("%s: got %v, want all %d in order", record, list, each)
		}
	}
	if most != slots || q.free != slots {
		t.Errorf("at most %d were at work at once, and %d slots are free in the end; want %d", most, q.free, slots)
	}
}

// TestQueueGivesBack closes a queue while tasks wait: they are given back.
func TestQueueGivesBack(t *testing.T) { synctest.Test(t, testQueueGivesBack) }

func testQueueGivesBack(t *testing.T) {
	q := newQueue(1)
	begun, end := make(chan struct{}), make(chan struct{})
	back := 0
	put := func(record string) {
		q.put(&task{record: record, tenure: newTenure()}, func(*task, slot) { close(begun); <-end }, func(*task) { back++ })
	}
	put("a")
	<-begun
	put("a")
	put("b")
	closed := make(chan struct{})
	go func() { q.close(); close(closed) }()
	synctest.Wait()
	q.mu.Lock()
	if !q.closed {
		t.Error("the queue is not closed while a task is at work")
	}
	q.mu.Unlock()
	put("c")
	close(end)
	<-closed
	if back != 3 {
		t.Errorf("got %d back, want 3", back)
	}
}
