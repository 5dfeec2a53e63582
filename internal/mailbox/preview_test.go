package mailbox_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

var (
	noon = time.Date(2026, time.September, 1, 12, 0, 0, 0, time.UTC)
	key  = events.Key("/school", "1")
)

// effect is the effect of the first try of the dead letter in these tests.
func effect(change func(*record.Effect)) record.Effect {
	e := record.Effect{
		Key: record.KeyOf(key), Position: events.Position{Epoch: 1, Seq: 5}, Type: events.UserCreated,
		Scope: events.ScopeLifecycle, Registered: noon, Attempts: 1, Tried: true,
	}
	change(&e)
	return e
}

// finished returns the record of an account on which an effect of the dead letter ended.
func finished(replay int, outcome string) *record.Record {
	e := effect(func(e *record.Effect) { e.Replay = replay })
	return &record.Record{Registered: e.Position, Finished: []record.Finished{{Effect: e, Outcome: record.Outcome{Kind: outcome, At: noon}}}}
}

// seen is finished after its result is published.
func seen(replay int, outcome string) *record.Record {
	r := finished(replay, outcome)
	r.RemovePublished(func(*record.Finished) bool { return true }, noon, record.Limits{Bytes: 1 << 20})
	return r
}

// letter is a dead letter of the event at position 5.
func letter(kind, data string) streams.DeadLetter {
	return streams.DeadLetter{
		Vendor: "acme", Type: kind, Key: key, Epoch: 1, Seq: 5, Header: map[string][]string{"Content-Type": {"application/cloudevents+json"}},
		Payload: []byte(`{"specversion":"1.0","id":"1","source":"/school","type":"` + kind + `","data":` + data + `}`),
	}
}

// enroller is a vendor that can enrol. No preview enrols.
type enroller struct{ vendors.Adapter }

func (enroller) Enroll(context.Context, vendors.Enrollment) error {
	return errors.New("a preview has enrolled")
}

// preview previews the replay of a dead letter at a vendor that can enrol.
func preview(r *record.Record, l streams.DeadLetter) mailbox.Preview {
	return previewAt(enroller{}, r, l)
}

func previewAt(adapter vendors.Adapter, r *record.Record, l streams.DeadLetter) mailbox.Preview {
	v := &mailbox.Vendor{Name: "acme"}
	v.Port.Store(&adapter)
	x := mailbox.NewPreviewer(v, mailbox.Config{Remember: time.Hour}, mailbox.Deps{Decoder: mailbox.NewDecoder(nil, func(events.Event) error { return nil }), Handlers: []handlers.Handler{
		handlers.UserCreated(), handlers.UserDeleted(),
		handlers.EnrollmentRequested(handlers.Courses{"go-1": {"acme": "7"}, "c-1": {"other": "8"}}, []string{"acme", "other"}),
	}})
	subject, header := l.AsReplay()
	e, p, ok := x.Read(mailbox.Message{Position: events.Position{Epoch: l.Epoch, Seq: l.Seq}, Subject: subject, Header: header, Payload: l.Payload}, l.Replay+1)
	if !ok {
		p = x.Preview(r, e, noon)
	}
	return p
}

// A vendor that cannot enrol takes no part in an enrolment in a course that is mapped nowhere.
func TestPreviewAtAVendorThatCannotEnrol(t *testing.T) {
	l := letter(events.EnrollmentRequested, `{"user_id":"u1","course_id":"x"}`)
	if got := previewAt(nil, &record.Record{}, l); got.Would != mailbox.PreviewUnsupported {
		t.Errorf("got %+v, want %s", got, mailbox.PreviewUnsupported)
	}
}

// TestPreview has a case for each consequence.
func TestPreview(t *testing.T) {
	older := effect(func(e *record.Effect) {
		e.Key, e.Position.Seq, e.Type, e.Attempts, e.Tried, e.Due = 10, 2, events.UserDeleted, 0, false, noon.Add(time.Minute)
	})
	elsewhere := effect(func(e *record.Effect) {
		e.Key, e.Type, e.Scope, e.Course = 11, events.EnrollmentRequested, events.ScopeCourse, "x"
	})
	behind := mailbox.Preview{Would: mailbox.PreviewWait, Behind: "000000000000000a", BehindType: events.UserDeleted, Until: older.Due, Blocker: older.Position}
	expired := letter(events.UserCreated, `{"user_id":"u1"},"expirytime":"2026-09-01T11:00:00Z"`)
	ada := letter(events.UserCreated, `{"user_id":"u1"}`)
	cases := map[string]struct {
		letter streams.DeadLetter
		record record.Record
		want   mailbox.Preview
	}{
		"no record of the user":   {ada, record.Record{}, mailbox.Preview{Would: mailbox.PreviewCall}},
		"the first try failed":    {ada, *seen(0, events.Failed), mailbox.Preview{Would: mailbox.PreviewCall}},
		"a newer one was applied": {ada, record.Record{Lifecycle: events.Position{Epoch: 1, Seq: 9}}, mailbox.Preview{Would: mailbox.PreviewSuperseded, Outcome: events.Superseded}},
		"the event has expired":   {expired, record.Record{}, mailbox.Preview{Would: mailbox.PreviewSuperseded, Outcome: events.Superseded}},
		"this replay has just been carried out": {
			ada, *finished(1, events.AlreadyDone), mailbox.Preview{Would: mailbox.PreviewDone, Outcome: events.AlreadyDone},
		},
		"this replay was carried out": {ada, *seen(1, events.Done), mailbox.Preview{Would: mailbox.PreviewDone, Outcome: events.Done}},
		"this replay failed":          {ada, *seen(1, events.Failed), mailbox.Preview{Would: mailbox.PreviewDone, Outcome: events.Failed}},
		"the event is pending": {
			ada, record.Record{Pending: []record.Effect{effect(func(*record.Effect) {})}}, mailbox.Preview{Would: mailbox.PreviewUnderWay},
		},
		"the replay is pending": {
			ada, record.Record{Pending: []record.Effect{effect(func(e *record.Effect) { e.Replay = 1 })}}, mailbox.Preview{Would: mailbox.PreviewUnderWay},
		},
		"an older one is pending":   {ada, record.Record{Pending: []record.Effect{older}}, behind},
		"another call is in flight": {ada, record.Record{Pending: []record.Effect{older}, Claim: &record.Claim{Key: 10}}, behind},
		"a call for another course is in flight": {
			letter(events.EnrollmentRequested, `{"user_id":"u1","course_id":"go-1"}`),
			record.Record{State: record.Active, Pending: []record.Effect{elsewhere}, Claim: &record.Claim{Key: 11}},
			mailbox.Preview{Would: mailbox.PreviewWait, Behind: "000000000000000b", BehindType: events.EnrollmentRequested, Blocker: elsewhere.Position},
		},
		"another type has its id":    {letter(events.UserDeleted, `{"user_id":"u1"}`), *finished(0, events.Failed), mailbox.Preview{Would: mailbox.PreviewRefused, Pointer: "/id", Rule: events.RuleIDOnce}},
		"no data":                    {letter(events.UserCreated, `{`), record.Record{}, mailbox.Preview{Would: mailbox.PreviewRefused, Rule: "json"}},
		"an unknown course":          {letter(events.EnrollmentRequested, `{"user_id":"u1","course_id":"x"}`), record.Record{}, mailbox.Preview{Would: mailbox.PreviewRefused, Pointer: "/data/course_id", Rule: "course"}},
		"a course of another vendor": {letter(events.EnrollmentRequested, `{"user_id":"u1","course_id":"c-1"}`), record.Record{}, mailbox.Preview{Would: mailbox.PreviewUnsupported}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before, err := c.record.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got := preview(&c.record, c.letter)
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(mailbox.Preview{}, "Message")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if after, err := c.record.Encode(); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the record was changed (%v)", err)
			}
		})
	}
}
