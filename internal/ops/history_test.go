package ops_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// history reads the history of a user, and returns the effects as "vendor id: state, why".
func (w *world) history(user string) (ops.History, map[string]string) {
	w.t.Helper()
	h, err := w.service.History(w.t.Context(), user)
	w.check(err)
	states := map[string]string{}
	for _, e := range h.Events {
		states[e.Vendor+" "+e.EventID] = strings.TrimSuffix(e.State+", "+e.Why, ", ")
		if e.Ended != nil && e.Result != events.ResultID(keyOf(e.EventID), e.Vendor, e.Replay) {
			w.t.Errorf("%s: result %s", e.EventID, e.Result)
		}
		if e.Key != keyOf(e.EventID) {
			w.t.Errorf("%s: key %s", e.EventID, e.Key)
		}
	}
	return h, states
}

// TestHistory has an effect in each state.
func TestHistory(t *testing.T) {
	w := newWorld(t)
	created, updated := w.event(events.UserCreated, "created", "ada"), w.event(events.UserUpdated, "updated", "ada")
	calling, behind := w.event(events.UserUpdated, "calling", "ada"), w.event(events.EnrollmentRequested, "behind", "ada")
	held, unknown := w.event(events.UserDeleted, "held", "ada"), w.event(events.UserCreated, "unknown", "ada")
	early, tracked := w.event(events.EnrollmentRequested, "early", "ada"), w.event(events.ActivityTracked, "tracked", "ada")
	failed := w.event(events.UserCreated, "failed", "ada")
	updated.Attempts = 1
	w.ended("lms", "ada", "created", created)
	w.account("lms", "ada", func(r *record.Record) {
		r.State, r.AccountID = record.Active, "7"
		r.Courses = map[string]record.Course{"b": {Enrolled: true}, "a": {Enrolled: true}, "c": {}}
		r.Finished = []record.Finished{ // of which one is in the history already
			{Effect: created, Outcome: record.Outcome{Kind: events.Done, At: time.Now()}},
			{Effect: updated, Outcome: record.Outcome{Kind: events.Done, At: time.Now(), TookMS: 5}, By: "n"},
			{Effect: failed, Outcome: record.Outcome{Kind: events.Failed, At: time.Now(), Message: "no"}},
		}
		calling.Attempts, calling.Tried, behind.Course = 1, true, "go"
		r.Pending, r.Claim = []record.Effect{calling, behind}, &record.Claim{Key: calling.Key, Token: 5}
	})
	w.addLetter("failed", "ada", failed)
	next := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	w.account("crm", "ada", func(r *record.Record) {
		held.Held, held.Due = true, next
		unknown.Unconfirmed, unknown.Tried, unknown.Attempts = true, true, 1
		early.Prerequisite, early.Due, early.Course = true, next, "go"
		r.Pending = []record.Effect{early, held}
	})
	w.account("old", "ada", func(*record.Record) {}) // of a vendor that there is no more
	w.change(streams.EffectsBucket, record.ActivityKey("lms", "ada", keyOf("tracked")), func(r *record.Record) {
		r.Finished = []record.Finished{{Effect: tracked, Outcome: record.Outcome{Kind: events.Done, At: time.Now()}}}
	})
	interrupted := func(when string) {
		t.Helper()
		if _, states := w.history("ada"); !strings.HasPrefix(states["lms calling"], "unknown outcome, the process that called the vendor has ended") {
			t.Errorf("%s: got %q", when, states["lms calling"])
		}
	}
	interrupted("without an owner")
	leases, err := streams.OpenLeases(t.Context(), w.client, time.Minute)
	w.check(err)
	_, err = leases.Acquire(t.Context(), "lms", "process-2")
	w.check(err)
	interrupted("before the token of the next owner")
	own, err := streams.OpenOwnership(t.Context(), w.client, "lms")
	w.check(err)
	_, err = own.RaiseToken(t.Context(), 4)
	w.check(err)
	h, states := w.history("ada")
	want := map[string]string{
		"lms created": "done", "lms updated": "done", "lms failed": "failed, no", "lms calling": "at work", "lms tracked": "done",
		"lms behind": "waiting, waits for the user.updated before it (event key " + keyOf("calling") + ")",
		"crm held":   "held, deletions are held until a person approves them: see usher status",
		"crm early":  "waiting, " + handlers.ErrNoAccount.Error(),
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	accounts := []ops.AccountAt{{Vendor: "lms", ID: "7", State: "active", Courses: []string{"a", "b"}}, {Vendor: "crm", State: "unknown"}}
	if diff := cmp.Diff(accounts, h.Accounts); diff != "" {
		t.Errorf("accounts (-want +got)\n%s", diff)
	}
	for _, e := range h.Events {
		if dead := e.Dead != ""; dead != (e.EventID == "failed") {
			t.Errorf("%s: dead letter %q", e.EventID, e.Dead)
		}
		if e.EventID == "early" && (e.Until == nil || e.Until.Sub(next).Abs() > time.Second || e.GivenUp == nil || !e.GivenUp.After(next)) {
			t.Errorf("early: next try %v, given up %v", e.Until, e.GivenUp)
		}
		if e.EventID == "updated" && e.Last == nil {
			t.Error("updated: no time of the last try")
		}
	}
	_, err = own.RaiseToken(t.Context(), 5)
	w.check(err)
	interrupted("with a later owner")
	w.account("crm", "ada", func(r *record.Record) { r.Pending = []record.Effect{unknown} })
	if _, states := w.history("ada"); states["crm unknown"] != "unknown outcome" {
		t.Errorf("got %q", states["crm unknown"])
	}
}

// TestOutdatedLetter has dead letters with newer events behind: a letter whose replay would be
// superseded is counted, and not named.
func TestOutdatedLetter(t *testing.T) {
	for name, c := range map[string]struct {
		dead, newer string
		named       bool
	}{
		"a deletion behind a deletion":   {events.UserDeleted, events.UserDeleted, false},
		"a deletion behind an enrolment": {events.EnrollmentRequested, events.UserDeleted, false},
		"a creation behind a deletion":   {events.UserDeleted, events.UserCreated, false},
		"a creation behind an enrolment": {events.EnrollmentRequested, events.UserCreated, true},
		"an update behind a creation":    {events.UserCreated, events.UserUpdated, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			failed, done := w.event(c.dead, "failed", "ada"), w.event(c.newer, "done", "ada")
			w.addLetter("failed", "ada", failed)
			w.account("lms", "ada", func(r *record.Record) {
				r.Finished = []record.Finished{
					{Effect: failed, Outcome: record.Outcome{Kind: events.Failed, At: time.Now(), Message: "no"}},
					{Effect: done, Outcome: record.Outcome{Kind: events.Done, At: time.Now()}},
				}
			})
			u, err := w.service.User(t.Context(), "ada")
			w.check(err)
			if got := u.Vendors[0]; got.Vendor != "lms" || (got.Dead != "") != c.named || got.Letters != 1 {
				t.Errorf("got %+v, want the letter named: %v", got, c.named)
			}
		})
	}
}

// TestHistoryOfActivity has activities that were done at once, which have no record, between the
// changes of an account.
func TestHistoryOfActivity(t *testing.T) {
	w := newWorld(t)
	created := w.event(events.UserCreated, "created", "ada")
	created.Registered = time.Now().Add(-time.Second)
	w.ended("lms", "ada", "created", created)
	w.recorded("lms", "ada", "first")
	w.recorded("crm", "ada", "first")
	w.recorded("lms", "bob", "other")
	w.recorded("lms", "ada", "second")
	deleted := w.event(events.UserDeleted, "deleted", "ada")
	deleted.Registered = time.Now().Add(time.Second)
	w.ended("lms", "ada", "deleted", deleted)
	h, states := w.history("ada")
	want := map[string]string{"lms created": "done", "lms first": "done", "crm first": "done", "lms second": "done", "lms deleted": "done"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if first, last := h.Events[0].EventID, h.Events[len(h.Events)-1].EventID; first != "created" || last != "deleted" {
		t.Errorf("got the order %s … %s", first, last)
	}
	if one := h.Events[1]; one.Type != events.ActivityTracked || one.Source != "/school" || one.Step() != events.ActionRecorded || one.Ended.Sub(*one.Last) != 7*time.Millisecond {
		t.Errorf("got %+v", one)
	}
}

// TestHistoryOfReplays has a failure in HISTORY, a first replay of a person in the record, and a second
// replay on its way: every run is shown, in order, and the event has the time of the first.
func TestHistoryOfReplays(t *testing.T) {
	w := newWorld(t)
	effect := w.event(events.EnrollmentRequested, "early", "ada")
	start := time.Now().Add(-time.Hour).Truncate(time.Millisecond).UTC()
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	effect.Registered = start
	w.check(w.log().Append(t.Context(), history.Entry{
		Key: keyOf("early"), Vendor: "lms", Digest: record.Digest("ada"), Type: effect.Type, Scope: effect.Scope, Position: effect.Position, Attempts: 1,
		First: start, Last: start, Ended: at(1), Outcome: events.Failed, Class: "permanent", Message: "the course is full",
	}))
	first, second := effect, effect
	first.Replay, first.Registered, first.Attempts, second.Replay, second.Registered = 1, time.Now(), 1, 2, time.Now().Add(time.Minute)
	sent := streams.Action{Kind: streams.DeadReplayed, At: at(2), Who: "ann@school", Why: "room was made", Vendor: "lms", Key: keyOf("early"), Replay: 1}
	other := sent
	other.Key, other.Who = keyOf("other"), "bob@school"
	w.check(w.streams.Audit.Record(t.Context(), "/usher", sent))
	w.check(w.streams.Audit.Record(t.Context(), "/usher", other))
	w.account("lms", "ada", func(r *record.Record) {
		r.Finished = []record.Finished{{Effect: first, Outcome: record.Outcome{Kind: events.Failed, At: time.Now(), Message: "again"}}}
		r.Pending = []record.Effect{second}
	})
	h, states := w.history("ada")
	if len(h.Events) != 1 || states["lms early"] != "waiting" || h.Events[0].Replay != 2 || len(h.Events[0].Earlier) != 2 || !h.Events[0].First().Equal(start) {
		t.Fatalf("got %+v", h.Events)
	}
	u, err := w.service.User(t.Context(), "ada")
	w.check(err)
	var got []string
	for _, s := range u.Timeline() {
		got = append(got, s.Step+": "+s.Text)
		if len(got) == 1 && !s.At.Equal(start) || s.EventID != "early" {
			t.Errorf("got %+v", s)
		}
	}
	want := []string{
		"event: " + events.EnrollmentRequested, "call: 1 attempt", "result: failed: the course is full",
		"replay: sent back by ann@school: room was made", "call: 1 attempt", "result: failed: again",
		"replay: sent back, replay 2", "result: waiting",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestHistoryOfAFormerRecord has a record of the former core, of a deletion that the vendor
// could not make.
func TestHistoryOfAFormerRecord(t *testing.T) {
	w := newWorld(t)
	deleted := w.event(events.UserDeleted, "deleted", "ada")
	kv, err := w.streams.Client.JetStream.KeyValue(t.Context(), streams.AccountsBucket)
	w.check(err)
	text := `{"user_id":"ada","state":"deleted","former":"7","deleted":{"e":EPOCH,"s":1},"past":[{"key":"KEY","type":"user.deleted","scope":"life",
		"order":{"e":EPOCH,"s":1},"phase":"finished","attempts":1,"first":"2026-09-01T08:00:00Z","outcome":{"kind":"unsupported","attempts":1,"at":"2026-09-01T08:00:01Z"}}]}`
	text = strings.NewReplacer("EPOCH", strconv.FormatInt(deleted.Position.Epoch, 10), "KEY", keyOf("deleted")).Replace(text)
	_, err = kv.PutString(t.Context(), record.AccountKey("lms", "ada"), text)
	w.check(err)
	h, states := w.history("ada")
	if states["lms deleted"] != events.Unsupported || len(h.Accounts) != 1 || h.Accounts[0].State != ops.AccountLeft || h.Accounts[0].ID != "7" {
		t.Errorf("got %+v and %v", h.Accounts, states)
	}
}

// TestHistoryWithoutTheEvent is of an event that left the stream before the history began.
func TestHistoryWithoutTheEvent(t *testing.T) {
	w := newWorld(t)
	gone := w.event(events.UserCreated, "gone", "ada")
	w.check(w.streams.Client.Erase(t.Context(), streams.EventsStream, gone.Position.Seq))
	w.account("lms", "ada", func(r *record.Record) { r.Pending = []record.Effect{gone} })
	h, err := w.service.History(t.Context(), "ada")
	w.check(err)
	if len(h.Events) != 1 || h.Events[0].EventID != "" || h.Events[0].Key != keyOf("gone")[:16] {
		t.Errorf("got %+v", h.Events)
	}
	w.addLetter("gone", "ada", gone)
	w.account("lms", "ada", func(r *record.Record) {
		r.Pending, r.Finished = nil, []record.Finished{{Effect: gone, Outcome: record.Outcome{Kind: events.Failed, At: time.Now()}}}
	})
	if h, err = w.service.History(t.Context(), "ada"); err != nil || len(h.Events) != 1 || h.Events[0].Key != keyOf("gone") || h.Events[0].Dead != "lms."+keyOf("gone") {
		t.Errorf("got %+v, %v; want the key of the dead letter", h.Events, err)
	}
}
