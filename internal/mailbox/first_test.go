package mailbox

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// fakes are all parts of first attempts, and note their steps.
type fakes struct {
	steps  []string
	answer func() error // of the vendor
	closed bool         // the gate
	rests  bool         // the vendor: nobody gets a token
	record []byte
	stores uint64
	class  Class // of the last work that asked the gate
	// before runs before the record is stored, as another process.
	before func()
	lose   int          // answers of stores to lose
	refuse func() error // a dead letter; may be nil

	letters []streams.DeadLetter // that were stored

	hasResult, hasRecord bool // of the memory
	knew                 bool // the memory, before the event was taken
	refused              int  // results that are refused
}

func (d *fakes) Knows(string) (result, record bool) { return d.hasResult, d.hasRecord }
func (d *fakes) AddRecord(string)                   { d.note("remember record") }
func (d *fakes) KnewAt(time.Time) bool              { return d.knew }
func (d *fakes) CatchUp(context.Context) error {
	d.note("catch up")
	return nil
}

func (d *fakes) note(step string) { d.steps = append(d.steps, step) }

func (d *fakes) Load(context.Context, string) ([]byte, uint64, error) {
	return d.record, d.revision(), nil
}

func (d *fakes) revision() uint64 {
	if d.record == nil {
		return 0
	}
	return d.stores + 1
}

func (d *fakes) Store(_ context.Context, _ string, encoded []byte, revision uint64) (uint64, error) {
	if d.before != nil {
		d.before()
		d.before = nil
	}
	if revision != d.revision() {
		return 0, ErrStaleRevision
	}
	d.record, d.stores = encoded, d.stores+1
	r, _ := record.Decode(encoded)
	switch {
	case r.Claim != nil:
		d.note("claim")
	case len(r.Pending) > 0:
		d.note("store pending")
	case len(r.Finished) > 0:
		d.note("store " + r.Finished[0].Kind)
	default:
		d.note("store idle")
	}
	if d.lose > 0 {
		d.lose--
		return 0, errors.New("no answer")
	}
	return d.revision(), nil
}

func (d *fakes) Arm(_ context.Context, _ string, due time.Time) error {
	d.note("arm " + time.Until(due).Truncate(time.Second).String())
	return nil
}

func (d *fakes) Publish(_ context.Context, _ string, e events.Event) error {
	if d.refused > 0 {
		d.refused--
		return errors.New("the stream is full")
	}
	d.note("publish " + e.Type())
	return nil
}

func (*fakes) ReplayWaiting(context.Context, string, string, string) (bool, error) { return false, nil }

func (d *fakes) AddEvent(ctx context.Context, l streams.DeadLetter) error { return d.Add(ctx, l) }

func (d *fakes) Add(_ context.Context, l streams.DeadLetter) error {
	if d.refuse != nil {
		if err := d.refuse(); err != nil {
			return err
		}
	}
	d.letters = append(d.letters, l)
	d.note("add " + l.Class)
	return nil
}

func (d *fakes) Get(context.Context, uint64) (Message, error) { return Message{}, ErrGone }

func (d *fakes) Remove(context.Context, uint64) error {
	d.note("remove replay")
	return nil
}

func (d *fakes) Reopen(context.Context, string, string, string, int) error { return nil }

func (d *fakes) RemoveEnded(context.Context, string, string, string, int) error {
	d.note("settle")
	return nil
}

func (d *fakes) Allows(Class) bool { return !d.closed }
func (d *fakes) Wait(ctx context.Context, _ Class) error {
	if d.rests {
		return errors.New("the vendor asked for a rest")
	}
	return ctx.Err()
}
func (d *fakes) TryWait() bool { return !d.rests }
func (d *fakes) Attach(ctx context.Context, c Class) context.Context {
	d.class = c
	return ctx
}
func (d *fakes) Report(string, error) {}

func (d *fakes) Check(context.Context) error { return nil }

func (d *fakes) Track(context.Context, vendors.Activity) error {
	d.note("call")
	return d.answer()
}

// activityEvent is the activity of all tests of first attempts.
func activityEvent(t *testing.T) events.Event {
	t.Helper()
	e, err := events.New(events.ActivityTracked, "/school", "e", time.Time{}, map[string]any{"user_id": "u", "name": "n"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// storedEffect returns the encoded record of an effect of the event.
func storedEffect(t *testing.T, r func(record.Effect) record.Record) []byte {
	t.Helper()
	one := r(record.Effect{
		Key: record.KeyOf(events.Key("/school", "e")), Position: events.Position{Epoch: 1, Seq: 7}, Type: events.ActivityTracked,
		Scope: events.ScopeActivity, Registered: time.Now(), Due: time.Now().Add(time.Hour), Attempts: 1,
	})
	b, err := one.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pendingRecord(e record.Effect) record.Record { return record.Record{Pending: []record.Effect{e}} }

func finishedRecord(kind string) func(record.Effect) record.Record {
	return func(e record.Effect) record.Record {
		return record.Record{Finished: []record.Finished{{Effect: e, Outcome: record.Outcome{Kind: kind, At: time.Now()}}}}
	}
}

func TestFirstAttempts(t *testing.T) {
	done, failed := events.ResultType(events.ActivityTracked, events.Done), events.ResultType(events.ActivityTracked, events.Failed)
	permanent := func() error { return &vendors.Error{Vendor: "acme", Status: 422, Class: vendors.Permanent} }
	for name, test := range map[string]struct {
		fakes func(t *testing.T, d *fakes)
		event func(e *events.Event)
		again bool
		order bool
		lost  bool // another process may have the message
		want  []string
		err   error
	}{
		"it succeeds": {want: []string{"call", "publish " + done}},
		"a repeat":    {fakes: func(_ *testing.T, d *fakes) { d.hasResult = true }},
		"a repeat of an invalid event": {
			fakes: func(_ *testing.T, d *fakes) { d.hasResult = true },
			event: func(e *events.Event) { e.SetType("other") },
		},
		"a repeat of a waiting event": {
			fakes: func(t *testing.T, d *fakes) { d.hasRecord, d.record = true, storedEffect(t, pendingRecord) },
			want:  []string{"arm 1h0m0s"},
		},
		"the record of a repeat is gone": {
			fakes: func(_ *testing.T, d *fakes) { d.hasRecord = true },
			want:  []string{"call", "publish " + done},
		},
		"the result is refused twice": {
			fakes: func(_ *testing.T, d *fakes) { d.refused = 2 },
			want:  []string{"call", "publish " + done},
		},
		"the result is refused": {
			fakes: func(_ *testing.T, d *fakes) { d.refused = 100 },
			want:  []string{"call", "store done", "remember record", "arm 0s"},
		},
		"it has to wait": {
			fakes: func(_ *testing.T, d *fakes) {
				d.answer = func() error { return &vendors.Error{Vendor: "acme", Status: 503, After: time.Hour} }
			},
			want: []string{"call", "store pending", "remember record", "arm 1h0m0s"},
		},
		"the handler panics": {
			fakes: func(_ *testing.T, d *fakes) { d.answer = func() error { panic("a fault") } },
			want:  []string{"call", "store pending", "remember record", "arm 1s"},
		},
		"it fails": {
			fakes: func(_ *testing.T, d *fakes) { d.answer = permanent },
			want:  []string{"call", "add permanent", "store failed", "remember record", "publish " + failed},
		},
		"the vendor is on hold": {
			fakes: func(_ *testing.T, d *fakes) { d.closed = true },
			want:  []string{"store pending", "remember record", "arm 0s"},
		},
		"the vendor is on hold, in order": {
			order: true, err: ErrClosed,
			fakes: func(_ *testing.T, d *fakes) { d.closed = true },
		},
		"the vendor asks for a rest, in order": {
			order: true, err: ErrClosed,
			fakes: func(_ *testing.T, d *fakes) { d.rests = true },
		},
		"the call begins too late, in order": {
			order: true, err: ErrClosed,
			fakes: func(_ *testing.T, d *fakes) { d.answer = func() error { return &vendors.Error{Err: vendors.ErrLate} } },
			want:  []string{"call"},
		},
		"the vendor asks for a rest": {
			fakes: func(_ *testing.T, d *fakes) { d.rests = true },
			want:  []string{"store pending", "remember record", "arm 0s"},
		},
		"it is out of date": {
			event: func(e *events.Event) { e.SetExtension("expirytime", time.Now().Add(-time.Hour)) },
			want:  []string{"publish " + events.ResultType(events.ActivityTracked, events.Superseded)},
		},
		"it is invalid": {
			event: func(e *events.Event) { e.SetType("other") },
			want:  []string{"add invalid", "publish " + failed},
		},
		"another process may have the message": {lost: true, err: ErrNotMine},
		"the answer of the store is lost": {
			fakes: func(_ *testing.T, d *fakes) { d.lose, d.answer = 1, permanent },
			want:  []string{"call", "add permanent", "store failed", "publish " + failed},
		},
		"another delivery has finished it": {
			fakes: func(t *testing.T, d *fakes) {
				d.refused = storeTries
				d.before = func() { d.record = storedEffect(t, finishedRecord(events.Failed)) }
			},
			want: []string{"call", "publish " + failed},
		},
		"another delivery ended well, and this one failed": {
			fakes: func(t *testing.T, d *fakes) {
				d.answer = permanent
				d.before = func() { d.record = storedEffect(t, finishedRecord(events.Done)) }
			},
			want: []string{"call", "add permanent", "publish " + done, "settle"},
		},
		"again, unknown":           {again: true, want: []string{"catch up", "store pending", "remember record", "arm 0s"}},
		"again, unknown, in order": {again: true, order: true, want: []string{"catch up", "call", "publish " + done}},
		"again, of long ago":       {again: true, order: true, fakes: func(_ *testing.T, d *fakes) { d.knew = true }, want: []string{"call", "publish " + done}},
		"again, with a result": {
			again: true, fakes: func(_ *testing.T, d *fakes) { d.hasResult = true }, want: []string{"catch up"},
		},
		"again, finished": {again: true, fakes: func(t *testing.T, d *fakes) { d.record = storedEffect(t, finishedRecord(events.Done)) }, want: []string{"catch up", "publish " + done}},
		"again, waiting":  {again: true, fakes: func(t *testing.T, d *fakes) { d.record = storedEffect(t, pendingRecord) }, want: []string{"catch up", "arm 1h0m0s"}},
		"again, waiting without a time": {
			again: true, fakes: func(t *testing.T, d *fakes) { d.record = storedEffect(t, held) }, want: []string{"catch up", "arm 0s"},
		},
		"again, known to be published": {
			again: true, fakes: func(t *testing.T, d *fakes) {
				d.record = storedEffect(t, func(record.Effect) record.Record { return record.Record{Token: 3} })
			},
			want: []string{"catch up"},
		},
		"again, unreadable": {
			again: true, fakes: func(_ *testing.T, d *fakes) { d.record = []byte("?") },
			want: []string{"catch up", "add record", "publish " + failed},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &fakes{answer: func() error { return nil }}
				if test.fakes != nil {
					test.fakes(t, d)
				}
				e := activityEvent(t)
				if test.event != nil {
					test.event(&e)
				}
				until := time.Now().Add(time.Hour)
				if test.lost {
					until = time.Now()
				}
				err := carryOut(t, d, e, Delivery{Again: test.again, Ordered: test.order, Until: func() time.Time { return until }})
				if !errors.Is(err, test.err) {
					t.Errorf("got error %v, want %v", err, test.err)
				}
				if diff := cmp.Diff(test.want, d.steps); diff != "" {
					t.Errorf("steps (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// testConfig holds the limits of all tests of first attempts.
func testConfig() Config {
	return Config{
		Source: "/usher", CallTimeout: time.Second, CallLease: time.Second, MaxAge: 24 * time.Hour, PrerequisiteWait: time.Hour, FirstLook: time.Minute,
		RetryMin: time.Millisecond, RetryMax: time.Millisecond, HoldRetry: time.Second, Remember: time.Hour, RecordBytes: 1 << 20, WaitingBytes: 1 << 20,
	}
}

func (d *fakes) deps() Deps {
	return Deps{
		Records: d, Timers: d, Results: d, DeadLetters: d, Memory: d, Replays: d, Gate: d, Decoder: NewDecoder(nil, func(events.Event) error { return nil }),
		Handlers: []handlers.Handler{handlers.ActivityTracked()}, Log: zerolog.Nop(),
	}
}

// vendor returns a vendor whose adapter stands for the fakes.
func (d *fakes) vendor() *Vendor {
	v, port := &Vendor{Name: "acme"}, vendors.Adapter(d)
	v.Port.Store(&port)
	return v
}

// activityMessage returns an event as the stream holds it.
func activityMessage(t *testing.T, e events.Event) Message {
	t.Helper()
	header, payload, err := events.ToNATS(e)
	if err != nil {
		t.Fatal(err)
	}
	return Message{
		Stream: "EVENTS", Position: events.Position{Epoch: 1, Seq: 7}, Subject: events.ActivityTracked, Header: header, Payload: payload, Stored: time.Now(),
	}
}

func carryOut(t *testing.T, d *fakes, e events.Event, delivery Delivery) error {
	t.Helper()
	f, err := NewFirstAttempts(d.vendor(), testConfig(), d.deps(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	delivery.Event = f.Read(activityMessage(t, e))
	phases, end := NewPhases(t.Context(), time.Second)
	defer end()
	return f.CarryOut(phases, delivery)
}

// A delivery that comes again without a record may have reached the vendor: the owner gets the event.
func TestAnActivityWithoutAnOutcomeIsUnconfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakes{}
		if err := carryOut(t, d, activityEvent(t), Delivery{Again: true}); err != nil {
			t.Fatal(err)
		}
		r, err := record.Decode(d.record)
		if err != nil {
			t.Fatal(err)
		}
		if e := r.Pending[0]; !e.Tried || !e.Unconfirmed || e.Attempts != 1 || e.Begun.IsZero() || e.Due.After(time.Now()) {
			t.Errorf("got %+v, want an attempt of unknown outcome, due at once", e)
		}
	})
}

// After a call in which the message may have come to another process, the result is published only
// if the other process has published none.
func TestAResultOfALateCall(t *testing.T) {
	done := events.ResultType(events.ActivityTracked, events.Done)
	for name, test := range map[string]struct {
		hasResult bool
		want      []string
	}{
		"the other has published": {true, []string{"call", "catch up"}},
		"the other has not":       {false, []string{"call", "catch up", "publish " + done}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				until := time.Now().Add(time.Minute)
				d := &fakes{}
				d.answer = func() error {
					until, d.hasResult = time.Now(), test.hasResult
					return nil
				}
				if err := carryOut(t, d, activityEvent(t), Delivery{Ordered: true, Until: func() time.Time { return until }}); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(test.want, d.steps); diff != "" {
					t.Errorf("steps (-want +got)\n%s", diff)
				}
			})
		})
	}
}
