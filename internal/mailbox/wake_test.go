package mailbox

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// owner is an ownership that lasts, of an owner that has committed everything.
type owner struct{ began time.Time }

func (owner) Token() uint64              { return 5 }
func (o owner) Since() time.Time         { return o.began }
func (owner) Until() time.Time           { return time.Now().Add(time.Minute) }
func (owner) Now() time.Time             { return time.Now() }
func (owner) Committed() events.Position { return events.Position{Epoch: 1, Seq: 1000} }
func (owner) StepDown(uint64)            {}

// single holds one event.
type single Message

func (s single) Get(context.Context, events.Position) (Message, error) { return Message(s), nil }

// activityKey is the key of the record of the activity.
var activityKey = record.ActivityKey("acme", "u", events.Key("/school", "e"))

// mailboxes returns mailboxes that work with the fakes, and a function that runs them and
// returns another one that ends them.
func (d *fakes) mailboxes(t *testing.T) (m *Mailboxes, run func() (end func())) {
	t.Helper()
	deps := d.deps()
	deps.Events, deps.Ownership, deps.Scheduler = single(activityMessage(t, activityEvent(t))), owner{time.Now()}, fairness.NewScheduler(4)
	m, err := New(d.vendor(), testConfig(), deps)
	if err != nil {
		t.Fatal(err)
	}
	return m, func() func() {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { m.Run(ctx, time.Second); close(ended) }()
		return func() {
			cancel()
			<-ended
		}
	}
}

// held returns the record of an activity that was not tried.
func held(e record.Effect) record.Record {
	e.Attempts, e.Due = 0, time.Time{}
	return pendingRecord(e)
}

// A wake before the run has its turn once the mailboxes run.
func TestAWakeBeforeTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakes{answer: func() error { return nil }, record: storedEffect(t, held)}
		m, run := d.mailboxes(t)
		m.Wake(activityKey, func() { d.note("ack") })
		synctest.Wait()
		if len(d.steps) > 0 {
			t.Errorf("a turn began before the run: %v", d.steps)
		}
		end := run()
		synctest.Wait()
		if len(d.steps) == 0 || d.steps[len(d.steps)-1] != "ack" {
			t.Errorf("got %v, want a turn", d.steps)
		}
		end()
	})
}

// A slot may come while the mailbox has its turn already. Two turns of one mailbox never run.
func TestASlotForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan error)
		d := &fakes{answer: func() error { return <-answer }, record: storedEffect(t, held)}
		m, run := d.mailboxes(t)
		end := run()
		m.Wake(activityKey, func() {})
		synctest.Wait() // for the call
		go m.queue.run(m.queue.users[activityKey], Activity)
		synctest.Wait()
		if n := len(d.steps); n != 2 {
			t.Errorf("got %v, want a claim and a call", d.steps)
		}
		close(answer)
		end()
	})
}

// A wake of an activity whose record the bucket has dropped is an error in the log.
func TestAWakeWithoutARecord(t *testing.T) {
	for name, test := range map[string]struct {
		record func(record.Effect) record.Record
		want   int
	}{"dropped": {nil, 1}, "kept": {finishedRecord(events.Done), 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &fakes{answer: func() error { return nil }}
				if test.record != nil {
					d.record = storedEffect(t, test.record)
				}
				m, run := d.mailboxes(t)
				var log bytes.Buffer
				m.deps.Log = zerolog.New(&log)
				end := run()
				m.Wake(activityKey, func() { d.note("ack") })
				synctest.Wait()
				end()
				if got := strings.Count(log.String(), "activity.memory"); got != test.want || d.steps[len(d.steps)-1] != "ack" {
					t.Errorf("got %d errors and the steps %v, want %d and an ack", got, d.steps, test.want)
				}
			})
		})
	}
}

// The wakes of an activity work on its record, as activity, and never wait for an account.
func TestWakesOfActivity(t *testing.T) {
	done := events.ResultType(events.ActivityTracked, events.Done)
	for name, test := range map[string]struct {
		record func(record.Effect) record.Record
		wakes  int
		want   []string
	}{
		"it was held": {held, 1, []string{"claim", "call", "store done", "publish " + done, "ack"}},
		"it is done, and its result may not be published": {
			finishedRecord(events.Done), 1, []string{"store done", "publish " + done, "ack"},
		},
		"it waits for its time": {pendingRecord, 1, []string{"store pending", "arm 1h0m0s", "ack"}},
		"it is done, twice":     {finishedRecord(events.Done), 2, []string{"store done", "publish " + done, "ack", "store idle", "ack"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &fakes{answer: func() error { return nil }, record: storedEffect(t, test.record)}
				m, run := d.mailboxes(t)
				end := run()
				for range test.wakes {
					m.Wake(activityKey, func() { d.note("ack") })
					synctest.Wait()
				}
				end()
				if diff := cmp.Diff(test.want, d.steps); diff != "" {
					t.Errorf("steps (-want +got)\n%s", diff)
				}
				if len(d.steps) > 0 && d.steps[0] == "claim" && d.class != Activity {
					t.Errorf("the call was of the class %v, want activity", d.class)
				}
			})
		})
	}
}
