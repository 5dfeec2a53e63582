package worker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/worker"
	"github.com/usherhq/usher/vendors"
)

// creator is a vendor whose creations end as create says.
type creator struct {
	calls  *atomic.Int64
	create func(call int64) error
}

func (c creator) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

func (c creator) Create(context.Context, vendors.Origin, vendors.User) (vendors.Account, error) {
	if err := c.create(c.calls.Add(1)); err != nil {
		return vendors.Account{}, err
	}
	return vendors.Account{ID: "7"}, nil
}

// bench is a worker over the model of JetStream, without faults of its own.
type bench struct {
	stream *stream
	told   *told
	calls  atomic.Int64
	loads  atomic.Int64      // of records
	port   any               // the vendor; nil: one whose creations end as it is told
	more   map[string]string // published after the message: payloads by subject
	tracer trace.Tracer      // nil: no traces
}

// carryOut publishes a message and runs a worker until it is finished, and
// returns how long that took in virtual time.
func (b *bench) carryOut(t *testing.T, subject string, payload []byte, create func(call int64) error) time.Duration {
	t.Helper()
	luck := &chance{rng: rand.New(rand.NewPCG(1, 1))}
	b.stream = &stream{name: "EVENTS", luck: luck}
	b.told = &told{results: map[string]string{}, data: map[string]events.Result{}, graves: map[string]bool{}}
	b.stream.publish(time.Now(), subject, nil, payload)
	for subject, payload := range b.more {
		b.stream.publish(time.Now().Add(time.Second), subject, nil, []byte(payload))
	}
	p := &process{}
	records := store{bucket: &bucket{records: map[string][]byte{}, revisions: map[string]uint64{}}, process: p, luck: luck}
	book := &ledger.Book{Store: counted{records, &b.loads}, Timeout: time.Second}
	if b.port == nil {
		b.port = creator{&b.calls, create}
	}
	w, err := worker.New(handlers.Vendor{Name: "acme", Port: b.port}, worker.Config{
		Source: "/usher", Concurrency: 2, Prefetch: 8,
		CallTimeout: callTimeout, CallLease: callLease, AckWait: ackWait, Ceiling: time.Minute,
		MaxAge: time.Hour, PrerequisiteWait: time.Minute, Keep: 2 * time.Hour,
		RetryMin: time.Second, RetryMax: 10 * time.Second, HoldRetry: 30 * time.Second, HoldAfter: 20,
	}, worker.Deps{
		Accounts: book, Effects: book, Results: voice{told: b.told, process: p, luck: luck}, Graves: voice{told: b.told, process: p, luck: luck},
		Validate: func(events.Event) error { return nil },
		Handlers: []handlers.Handler{
			handlers.UserCreated(), handlers.UserDeleted(),
			handlers.EnrollmentRequested(handlers.Courses{"go-1": {"acme": "7"}, "c-1": {"other": "8"}}, []string{"acme", "other"}),
		},
		Log: zerolog.Nop(), Tracer: b.tracer,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	begun := time.Now()
	go func() {
		defer close(done)
		w.Run(ctx, time.Second, func(context.Context) (worker.Lane, error) { return lane{stream: b.stream, process: p}, nil })
	}()
	for b.stream.unacked() > 0 && time.Since(begun) < 3*time.Hour {
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(begun)
	stop()
	<-done
	if b.stream.unacked() > 0 {
		t.Error("the message is not finished")
	}
	return took
}

const created = `{"specversion":"1.0","id":"1","source":"/school","type":"user.created","data":{"user_id":"u1","email":"ada@example.org"}}`

func enrolment(data string) []byte {
	return []byte(`{"specversion":"1.0","id":"1","source":"/school","type":"enrollment.requested","data":` + data + `}`)
}

func fail(class vendors.Class, after time.Duration) func(int64) error {
	return func(int64) error {
		return &vendors.Error{Vendor: "acme", Op: "create user", Class: class, After: after, Status: 400}
	}
}

// TestWhatBecomesOfAMessage has a case for each way that a message can end.
func TestWhatBecomesOfAMessage(t *testing.T) {
	cases := map[string]struct {
		subject string
		payload []byte
		create  func(call int64) error
		outcome string // empty: no result
		class   string
		calls   int64         // at least
		least   time.Duration // that it takes
	}{
		"done":                     {events.UserCreated, []byte(created), func(int64) error { return nil }, events.Done, "", 1, 0},
		"not a CloudEvent":         {events.UserCreated, []byte("{"), nil, events.Failed, "invalid", 0, 0},
		"another type's subject":   {events.UserDeleted, []byte(created), nil, events.Failed, "invalid", 0, 0},
		"a subject without a type": {"user.renamed", []byte(created), nil, events.Failed, "invalid", 0, 0},
		"its time is up": {
			events.UserCreated, []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"user.created","expirytime":"1999-01-01T00:00:00Z","data":{"user_id":"u1","email":"a@example.org"}}`),
			nil, events.Superseded, "", 0, 0,
		},
		"refused for good":           {events.UserCreated, []byte(created), fail(vendors.Permanent, 0), events.Failed, "permanent", 1, 0},
		"given up after max_age":     {events.UserCreated, []byte(created), fail(vendors.Again, 0), events.Failed, "exhausted", 10, time.Hour},
		"an unusable vendor is kept": {events.UserCreated, []byte(created), fail(vendors.Unusable, 0), events.Failed, "exhausted", 10, time.Hour},
		"Retry-After is honoured": {events.UserCreated, []byte(created), func(call int64) error {
			if call == 1 {
				return fail(vendors.Again, 20*time.Minute)(call)
			}
			return nil
		}, events.Done, "", 2, 20 * time.Minute},
		"Retry-After beyond max_age is not waited for": {events.UserCreated, []byte(created), fail(vendors.Again, 100*time.Hour), events.Failed, "exhausted", 2, time.Hour},
		"panics end after three":                       {events.UserCreated, []byte(created), func(int64) error { panic("no") }, events.Failed, "panic", 3, 0},
		"an unmarked error is tried again": {events.UserCreated, []byte(created), func(call int64) error {
			if call < 3 {
				return errors.New("odd")
			}
			return nil
		}, events.Done, "", 3, 0},
		"a vendor that cannot delete": {
			events.UserDeleted, []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"user.deleted","data":{"user_id":"u1"}}`), nil, events.Unsupported, "", 0, 0,
		},
		"a vendor that cannot enrol":         {events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"go-1"}`), nil, events.Unsupported, "", 0, 0},
		"a course of other vendors":          {events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"c-1"}`), nil, "", "", 0, 0},
		"an event for another vendor":        {events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"go-1","vendor":"other"}`), nil, "", "", 0, 0},
		"an unknown course":                  {events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"x"}`), nil, events.Failed, "invalid", 0, 0},
		"an unknown vendor":                  {events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"go-1","vendor":"nobody"}`), nil, events.Failed, "invalid", 0, 0},
		"a course number with vendor, as is": {events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"12","vendor":"acme"}`), nil, events.Unsupported, "", 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bench
				took := b.carryOut(t, c.subject, c.payload, c.create)
				var got events.Result
				for _, got = range b.told.data {
				}
				class := ""
				if got.Error != nil {
					class = got.Error.Class
				}
				if got.Outcome != c.outcome || class != c.class {
					t.Errorf("got outcome %q and class %q, want %q and %q", got.Outcome, class, c.outcome, c.class)
				}
				if failed := c.outcome == events.Failed; failed != (len(b.told.graves) == 1) {
					t.Errorf("got %d dead letters, want one only for a failure", len(b.told.graves))
				}
				if b.calls.Load() < c.calls || (c.calls == 0 && b.calls.Load() > 0) {
					t.Errorf("got %d calls, want %d", b.calls.Load(), c.calls)
				}
				if took < c.least {
					t.Errorf("took %v, want at least %v", took, c.least)
				}
			})
		})
	}
}

// TestAFailureSaysThatTheChangeMayHaveBeenMade: an attempt without an answer, and one
// later that is refused for good.
func TestAFailureSaysThatTheChangeMayHaveBeenMade(t *testing.T) {
	refused := fail(vendors.Permanent, 0)
	unknown := func(int64) error { return &vendors.Error{Vendor: "acme", Unknown: true, Err: errors.New("no answer")} }
	for name, c := range map[string]struct {
		first func(int64) error
		says  bool
	}{
		"no answer, then refused": {unknown, true},
		"refused":                 {refused, false},
		"busy, then refused":      {fail(vendors.Again, 0), false},
		"a panic, then refused":   {func(int64) error { panic("no") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bench
				b.carryOut(t, events.UserCreated, []byte(created), func(call int64) error {
					if call == 1 {
						return c.first(call)
					}
					return refused(call)
				})
				for _, r := range b.told.data {
					if says := strings.Contains(r.Error.Message, "may have been made"); says != c.says {
						t.Errorf("got %q; want that it says so: %v", r.Error.Message, c.says)
					}
				}
				if len(b.told.data) != 1 {
					t.Errorf("got %d results, want 1", len(b.told.data))
				}
			})
		})
	}
}

// TestAnInvalidCopyIsNotTheEvent publishes an event, and then something invalid
// with its source and id.
func TestAnInvalidCopyIsNotTheEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bench{more: map[string]string{events.UserDeleted: created}}
		b.carryOut(t, events.UserCreated, []byte(created), func(int64) error { return nil })
		outcomes := map[string]int{}
		for _, r := range b.told.data {
			outcomes[r.Outcome]++
		}
		if len(b.told.changed) > 0 || outcomes[events.Done] != 1 || outcomes[events.Failed] != 1 {
			t.Errorf("got outcomes %v, told in two ways %v; want one done and one failed", outcomes, b.told.changed)
		}
	})
}

// TestOneIDForTwoTypes is a producer that takes the user's id for the event's.
func TestOneIDForTwoTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bench{more: map[string]string{events.UserDeleted: `{"specversion":"1.0","id":"1","source":"/school","type":"user.deleted","data":{"user_id":"u1"}}`}}
		b.carryOut(t, events.UserCreated, []byte(created), func(int64) error { return nil })
		got := map[string]string{}
		for _, r := range b.told.data {
			got[r.Event.Type] = r.Outcome
		}
		want := map[string]string{events.UserCreated: events.Done, events.UserDeleted: events.Failed}
		if diff := cmp.Diff(want, got); diff != "" || len(b.told.graves) != 1 {
			t.Errorf("got %d dead letters, want 1; outcomes (-want +got):\n%s", len(b.told.graves), diff)
		}
	})
}

// TestAResultOfALongUserID is of an event that is refused, with a user id that may
// stand in no attribute.
func TestAResultOfALongUserID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bench
		b.carryOut(t, events.EnrollmentRequested, enrolment(`{"user_id":"`+strings.Repeat("u", events.MaxAttribute+1)+`","course_id":"x"}`), nil)
		if len(b.told.data) != 1 || len(b.told.graves) != 1 {
			t.Errorf("got %d results and %d dead letters, want one of each", len(b.told.data), len(b.told.graves))
		}
	})
}

// stamped is a vendor that notes the time that a creation comes from.
type stamped struct{ at *time.Time }

func (stamped) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

func (s stamped) Create(_ context.Context, from vendors.Origin, _ vendors.User) (vendors.Account, error) {
	*s.at = from.At
	return vendors.Account{ID: "7"}, nil
}

func TestAnEventWithoutATimeHasThatOfItsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at time.Time
		b := bench{port: stamped{&at}}
		begun := time.Now()
		b.carryOut(t, events.UserCreated, []byte(created), nil)
		if !at.Equal(begun) {
			t.Errorf("got the time %v, want %v", at, begun)
		}
	})
}

// TestAPrerequisiteThatDoesNotCome uses a vendor that can enrol but has nobody to.
func TestAPrerequisiteThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := history{published: []publication{{kind: events.EnrollmentRequested}}}
		luck := &chance{rng: rand.New(rand.NewPCG(1, 1))}
		r := &run{
			history: h, luck: luck, vendor: &vendor{}, stream: &stream{name: "EVENTS", luck: luck},
			bucket: &bucket{records: map[string][]byte{}, revisions: map[string]uint64{}},
			told:   &told{results: map[string]string{}, data: map[string]events.Result{}, graves: map[string]bool{}},
		}
		r.publish()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.work(ctx, &process{cancel: stop}) }()
		for r.stream.unacked() > 0 {
			time.Sleep(time.Second)
		}
		stop()
		<-done
		for _, got := range r.told.data {
			if got.Outcome != events.Failed || got.Error.Class != "prerequisite" {
				t.Errorf("got %+v, want a failure for want of a prerequisite", got)
			}
		}
		if len(r.told.graves) != 1 {
			t.Errorf("got %d dead letters, want 1", len(r.told.graves))
		}
	})
}
