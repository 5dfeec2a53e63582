package fairness

import "time"

// waiter is a call that waits for a token.
type waiter struct {
	class   Class
	resumes bool          // work that has begun
	leaves  bool          // if a rest begins
	ended   chan struct{} // closed at the grant or the dismissal

	isGranted, isDismissed bool
	prev, next             *waiter
}

// queue is a list of waiters. Waiters that resume work come before waiters that begin work, both
// in order of arrival. Any waiter can leave at once.
type queue struct{ head, tail *waiter }

func (q *queue) push(w *waiter) {
	before := q.tail
	if w.resumes {
		before = q.lastResuming()
	}
	after := q.head
	if before != nil {
		after = before.next
	}
	w.prev, w.next = before, after
	if before == nil {
		q.head = w
	} else {
		before.next = w
	}
	if after == nil {
		q.tail = w
	} else {
		after.prev = w
	}
}

// lastResuming returns the last waiter that resumes work; nil if there is none. There are no
// more of these than slots.
func (q *queue) lastResuming() (last *waiter) {
	for w := q.head; w != nil && w.resumes; w = w.next {
		last = w
	}
	return last
}

func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// waiters holds a queue for each class and the order of grants among the classes.
type waiters struct {
	queues     [Classes]queue
	counts     Counts
	turns      turns
	freshSince time.Time // start of an unbroken wait of fresh calls; valid while a fresh call waits
}

// isEmpty reports whether no call waits.
func (w *waiters) isEmpty() bool { return w.counts.sum() == 0 }

// add queues a call.
func (w *waiters) add(added *waiter, now time.Time) {
	added.ended = make(chan struct{})
	if added.class == Fresh && w.counts[Fresh] == 0 {
		w.freshSince = now
	}
	w.queues[added.class].push(added)
	w.counts[added.class]++
}

// remove removes a call from the queue of the call's class.
func (w *waiters) remove(leaving *waiter) {
	w.queues[leaving.class].remove(leaving)
	w.counts[leaving.class]--
}

// grant gives a token to the next call. At least one call must wait.
func (w *waiters) grant(now time.Time) {
	freshFor := time.Duration(0)
	if w.counts[Fresh] > 0 {
		freshFor = now.Sub(w.freshSince)
	}
	w.grantTo(w.turns.next(w.counts, w.counts, wakeParts(freshFor)))
}

// grantTo gives a token to the first call of a class. At least one call of the class must wait.
func (w *waiters) grantTo(c Class) {
	next := w.queues[c].head
	w.remove(next)
	next.isGranted = true
	close(next.ended)
}

// dismiss ends the waits of calls with leaves set. If probe is set, the first fresh call stays, as
// the next probe.
func (w *waiters) dismiss(probe bool) {
	for c := range w.queues {
		for one := w.queues[c].head; one != nil; {
			next := one.next
			stays := probe && Class(c) == Fresh && one.prev == nil
			if one.leaves && !stays {
				w.remove(one)
				one.isDismissed = true
				close(one.ended)
			}
			one = next
		}
	}
}
