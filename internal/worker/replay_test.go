package worker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/worker"
)

// diary notes in which order a worker tells, buries and settles.
type diary struct {
	mu     sync.Mutex
	lines  []string
	settle func(times int) error
	tries  int
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) Publish(_ context.Context, _ string, e events.Event) error {
	d.note(e.Type())
	return nil
}

func (d *diary) Bury(context.Context, bus.DeadLetter) error {
	d.note("bury")
	return nil
}

func (d *diary) Settle(_ context.Context, vendor, kind, key string, replay int) error {
	d.tries++
	if err := d.settle(d.tries); err != nil {
		d.note("not settled")
		return err
	}
	d.note("settle " + vendor + " " + kind + " " + key)
	if replay != 1 {
		d.note("of another replay")
	}
	return nil
}

// acme is a worker over a bucket, with a diary.
func acme(t *testing.T, port any, b *bucket, d *diary) *worker.Worker {
	t.Helper()
	p, luck := &process{}, &chance{rng: rand.New(rand.NewPCG(1, 1))}
	book := &ledger.Book{Store: store{bucket: b, process: p, luck: luck}, Timeout: time.Second}
	w, err := worker.New(handlers.Vendor{Name: "acme", Port: port}, worker.Config{
		Source: "/usher", Concurrency: 2, Prefetch: 8,
		CallTimeout: callTimeout, CallLease: callLease, AckWait: ackWait, Ceiling: time.Minute,
		MaxAge: time.Hour, PrerequisiteWait: time.Minute, Keep: 2 * time.Hour,
		RetryMin: time.Second, RetryMax: 10 * time.Second, HoldRetry: 30 * time.Second,
	}, worker.Deps{
		Accounts: book, Effects: book, Results: d, Graves: d,
		Validate: func(events.Event) error { return nil },
		Handlers: []handlers.Handler{
			handlers.UserCreated(), handlers.UserDeleted(), handlers.ActivityTracked(),
			handlers.EnrollmentRequested(handlers.Courses{"go-1": {"acme": "7"}, "c-1": {"other": "8"}}, []string{"acme", "other"}),
		},
		Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newBucket() *bucket {
	return &bucket{records: map[string][]byte{}, revisions: map[string]uint64{}}
}

// letter is a dead letter with this event.
func letter(kind string, payload []byte) bus.DeadLetter {
	return bus.DeadLetter{
		Vendor: "acme", Type: kind, Key: "k1", EventID: "1", Class: "permanent", Epoch: 1, Seq: 5, Payload: payload,
		Header: map[string][]string{"Content-Type": {"application/cloudevents+json"}},
	}
}

// sendBack has a worker carry a replay out, until its message is let go.
func sendBack(t *testing.T, l bus.DeadLetter, create func(int64) error, d *diary) {
	t.Helper()
	var calls atomic.Int64
	w := acme(t, creator{&calls, create}, newBucket(), d)
	s := &stream{name: bus.ReplaysStream, luck: &chance{rng: rand.New(rand.NewPCG(1, 1))}}
	subject, header := l.AsReplay()
	s.publish(time.Now(), subject, header, l.Payload)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx, time.Second, func(context.Context) (worker.Lane, error) { return lane{stream: s, process: &process{}}, nil })
	}()
	for end := time.Now().Add(3 * time.Hour); s.unacked() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	<-done
	if s.unacked() > 0 {
		t.Error("the message is not let go")
	}
}

// TestWhatBecomesOfAReplay has a case for each way that a dead letter can leave,
// or be replaced.
func TestWhatBecomesOfAReplay(t *testing.T) {
	well := func(int) error { return nil }
	cases := map[string]struct {
		letter bus.DeadLetter
		create func(call int64) error
		settle func(times int) error
		want   []string
	}{
		"it ends well: result, then dead letter": {
			letter(events.UserCreated, []byte(created)), func(int64) error { return nil }, well,
			[]string{"user.provisioned", "settle acme user.created k1"},
		},
		"the dead letter is removed before the message is let go": {
			letter(events.UserCreated, []byte(created)), func(int64) error { return nil },
			func(times int) error {
				if times == 1 {
					return errors.New("nats is away")
				}
				return nil
			},
			[]string{"user.provisioned", "not settled", "user.provisioned", "settle acme user.created k1"},
		},
		"it fails again": {
			letter(events.UserCreated, []byte(created)), fail(0, 0), well, nil,
		},
		"the event is still at fault": {
			letter(events.UserCreated, []byte("{")), nil, well, []string{"bury", "user.provisioning.failed"},
		},
		"the vendor takes no part in it any more": {
			letter(events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"c-1"}`)), nil, well,
			[]string{"enrollment.skipped", "settle acme enrollment.requested k1"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.want == nil {
				c.want = []string{"bury", "user.provisioning.failed"}
			}
			synctest.Test(t, func(t *testing.T) {
				d := &diary{settle: c.settle}
				sendBack(t, c.letter, c.create, d)
				if diff := cmp.Diff(c.want, d.lines); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}
