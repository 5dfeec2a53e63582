package activity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/pause"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ackWait = 30 * time.Second

// office is the consumer and the attempts, and notes what is done.
type office struct {
	mu      sync.Mutex
	steps   []string
	queue   []*letter
	fetched int
	closed  bool                  // whether activity may not call
	down    bool                  // whether nothing can be fetched
	work    func(id string) error // of an attempt
	ackErr  error
	ordered bool
	until   time.Time // end of the right to take messages; zero: none
	// failures are those of NATS.
	failures mailbox.Failures
}

func (o *office) note(step string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps = append(o.steps, step)
}

func (o *office) noted() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.steps)
}

// taken returns the number of messages that were fetched.
func (o *office) taken() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fetched
}

func (o *office) setClosed(closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = closed
}

// post adds a message of a user.
func (o *office) post(user, id string) *letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := &letter{office: o, user: user, id: id}
	o.queue = append(o.queue, l)
	return l
}

func (o *office) fetch(ctx context.Context, n int, wait time.Duration, take func(Message)) error {
	o.mu.Lock()
	down := o.down
	list := o.queue[:min(n, len(o.queue))]
	o.queue = o.queue[len(list):]
	o.fetched += len(list)
	o.mu.Unlock()
	if down {
		return errors.New("away")
	}
	for _, l := range list {
		take(l)
	}
	if len(list) < n {
		pause.For(ctx, wait)
	}
	return nil
}

func (o *office) Read(m mailbox.Message) *mailbox.Event {
	e := &mailbox.Event{Message: m, Key: string(m.Payload)}
	e.Plan.UserID = m.Subject
	return e
}

func (o *office) CarryOut(_ mailbox.Phases, d mailbox.Delivery) error {
	if d.Again {
		o.note("again " + d.Event.Key)
	}
	o.note("begin " + d.Event.Key)
	err := o.work(d.Event.Key)
	if !time.Now().Before(d.Until()) {
		err = mailbox.ErrNotMine
	}
	return err
}

func (o *office) allows() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.closed
}

// letter is a message.
type letter struct {
	*office
	user, id string
	renewals int
	frozen   bool // no renewal arrives
}

func (l *letter) Event() mailbox.Message {
	return mailbox.Message{Subject: l.user, Payload: []byte(l.id)}
}
func (l *letter) Again() bool { return false }
func (l *letter) Ack() error  { l.note("ack " + l.id); return l.ackErr }
func (l *letter) Nak(d time.Duration) error {
	l.note(fmt.Sprintf("nak %s %s", l.id, d))
	return nil
}

func (l *letter) Renew(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewals++
	if l.frozen {
		return errors.New("frozen")
	}
	return nil
}

func (l *letter) renewed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.renewals
}

// run lets a worker work at an office, and returns a function that ends it.
func (o *office) run(slots, prefetch int) (end func()) {
	w := o.worker(slots, prefetch)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx, time.Second); close(done) }()
	return func() { cancel(); <-done }
}

// worker returns a worker at an office.
func (o *office) worker(slots, prefetch int) *Worker {
	return New(Config{Vendor: "acme", Prefetch: prefetch, AckWait: ackWait, Ordered: o.ordered}, Deps{
		Fetch: o.fetch, Attempts: o, Scheduler: fairness.NewScheduler(slots), Allows: o.allows, Failures: &o.failures, Log: zerolog.Nop(),
		Until: func() time.Time {
			if o.until.IsZero() {
				return time.Now().Add(time.Hour)
			}
			return o.until
		},
	})
}

func quick(string) error { return nil }

// The activities of one user run one after the other, those of others beside them.
func TestActivitiesOfAUserKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gates := map[string]chan struct{}{"a1": make(chan struct{}), "a2": make(chan struct{}), "b1": make(chan struct{})}
		o := &office{work: func(id string) error { <-gates[id]; return nil }}
		o.post("a", "a1")
		o.post("a", "a2")
		o.post("b", "b1")
		end := o.run(8, 32)
		synctest.Wait()
		if diff := cmp.Diff([]string{"begin a1", "begin b1"}, sorted(o.noted())); diff != "" {
			t.Errorf("at first (-want +got)\n%s", diff)
		}
		close(gates["a1"])
		synctest.Wait()
		if diff := cmp.Diff([]string{"ack a1", "begin a1", "begin a2", "begin b1"}, sorted(o.noted())); diff != "" {
			t.Errorf("after the first (-want +got)\n%s", diff)
		}
		close(gates["a2"])
		close(gates["b1"])
		end()
	})
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

func TestMessagesInHandAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		o := &office{work: func(string) error { <-block; return nil }}
		for i := range 100 {
			o.post(fmt.Sprint(i), fmt.Sprint(i))
		}
		end := o.run(4, 16)
		time.Sleep(time.Minute)
		if n := o.taken(); n != 16 {
			t.Errorf("%d were fetched, want 16", n)
		}
		close(block)
		time.Sleep(time.Minute)
		if n := o.taken(); n != 100 {
			t.Errorf("%d were fetched in the end, want all", n)
		}
		end()
	})
}

func TestNothingIsFetchedWhileActivityMayNotCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{work: quick, closed: true}
		o.post("a", "a1")
		end := o.run(4, 16)
		time.Sleep(time.Minute)
		if o.taken() != 0 {
			t.Error("it was fetched")
		}
		o.setClosed(false)
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{"begin a1", "ack a1"}, o.noted()); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
		end()
	})
}

func TestMessageEndsWithTheAttempt(t *testing.T) {
	for name, test := range map[string]struct {
		err, ack error
		want     string
		failures uint64 // of NATS, after one before
		failing  bool
	}{
		"done":                {nil, nil, "ack a1", 1, false},
		"NATS failed":         {errors.New("away"), nil, "nak a1 1s", 2, true},
		"the ack failed":      {nil, errors.New("away"), "ack a1", 2, true},
		"the process ends":    {context.Canceled, nil, "nak a1 0s", 1, true},
		"another may have it": {mailbox.ErrNotMine, nil, "", 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &office{work: func(string) error { return test.err }, ackErr: test.ack}
				o.failures.Failed(zerolog.Nop(), "acme", errors.New("away"))
				o.post("a", "a1")
				end := o.run(4, 16)
				synctest.Wait()
				if total, failing := o.failures.Total(), o.failures.Failing(); total != test.failures || failing != test.failing {
					t.Errorf("got %d failures of NATS (%v), want %d (%v)", total, failing, test.failures, test.failing)
				}
				end()
				want := []string{"begin a1"}
				if test.want != "" {
					want = append(want, test.want)
				}
				if diff := cmp.Diff(want, o.noted()); diff != "" {
					t.Errorf("steps (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// At the end of a process what has not begun is given back, and what has begun ends.
func TestTheEndOfAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{work: func(string) error { time.Sleep(500 * time.Millisecond); return nil }}
		o.post("a", "a1")
		o.post("a", "a2")
		end := o.run(4, 16)
		synctest.Wait()
		end()
		if diff := cmp.Diff([]string{"begin a1", "nak a2 0s", "ack a1"}, o.noted()); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
	})
}

// A message in hand is renewed, and stays fresh.
func TestALongAttemptIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{work: func(string) error { time.Sleep(5 * time.Minute); return nil }}
		l := o.post("a", "a1")
		end := o.run(4, 16)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if l.renewals < 20 || l.renewals > 60 {
			t.Errorf("renewed %d times in 5 minutes, want about one each 5 to 10 s", l.renewals)
		}
		if diff := cmp.Diff([]string{"begin a1", "ack a1"}, o.noted()); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
		end()
	})
}

// A message that could not be renewed may be another's. A late renewal proves nothing.
func TestUnrenewedMessageIsNotOurs(t *testing.T) {
	for name, wait := range map[string]time.Duration{"for half of AckWait": ackWait/2 + time.Second, "for longer": 2 * ackWait} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &office{}
				l := o.post("a", "a1")
				l.frozen = true
				o.work = func(string) error {
					time.Sleep(wait)
					if wait > ackWait {
						o.mu.Lock()
						l.frozen = false
						o.mu.Unlock()
						time.Sleep(ackWait)
					}
					return nil
				}
				end := o.run(4, 16)
				time.Sleep(5 * time.Minute)
				if diff := cmp.Diff([]string{"begin a1"}, o.noted()); diff != "" {
					t.Errorf("steps (-want +got)\n%s", diff)
				}
				end()
			})
		})
	}
}

func TestAFailedFetchIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{work: quick, down: true}
		end := o.run(4, 16)
		time.Sleep(time.Minute)
		o.mu.Lock()
		o.down = false
		o.mu.Unlock()
		o.post("a", "a1")
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff([]string{"begin a1", "ack a1"}, o.noted()); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
		end()
	})
}

func TestLargeMessagesTakeMorePlaces(t *testing.T) {
	h := newHand(32, ackWait)
	large := h.take(&letter{id: strings.Repeat("x", 1<<20)})
	h.take(&letter{id: "small"})
	if got := h.free(); got != 14 {
		t.Errorf("got room for %d messages beside one of 1 MiB and a small one, want 14", got)
	}
	h.drop(large)
	h.drop(large)
	if got := h.free(); got != 31 {
		t.Errorf("got room for %d messages beside a small one, want 31", got)
	}
}
