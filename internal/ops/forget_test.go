package ops_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

// serve makes the consumers and the position of a vendor, as a process that serves it does.
func (w *world) serve(vendor string, position uint64, subjects ...string) {
	w.t.Helper()
	lag, err := streams.OpenLag(w.t.Context(), w.client, streams.CounterConfig{
		Stream: streams.EventsStream, Consumer: ops.ConsumerName(vendor, ops.Lifecycle), Subjects: subjects,
	})
	w.check(err)
	at := events.Position{Epoch: w.epoch, Seq: position}
	w.check(lag.Show(w.t.Context(), at))
	own, err := streams.OpenOwnership(w.t.Context(), w.client, vendor)
	w.check(err)
	w.check(own.Commit(w.t.Context(), at))
}

func (w *world) userData() ops.UserData {
	w.t.Helper()
	u, err := w.service.UserData(w.t.Context(), ops.Search{UserID: "ada"})
	w.check(err)
	return u
}

// found returns the numbers of UserData by stream and bucket.
func found(u ops.UserData) map[string]int {
	counts := map[string]int{}
	for _, f := range u.Matches {
		counts[f.Where] = f.Count
	}
	return counts
}

// lives stores something of a user everywhere, and something of another user.
func (w *world) lives() {
	w.t.Helper()
	for _, user := range []string{"ada", "bob"} {
		id := func(name string) string { return name + "-" + user }
		created, failed := w.event(events.UserCreated, id("created"), user), w.event(events.UserCreated, id("failed"), user)
		tracked := w.event(events.ActivityTracked, id("tracked"), user)
		w.ended("lms", user, id("created"), created)
		w.account("lms", user, func(r *record.Record) {
			r.State, r.AccountID, r.Lifecycle, r.Registered = record.Active, "7", created.Position, tracked.Position
		})
		w.change(streams.EffectsBucket, record.ActivityKey("lms", user, keyOf(id("tracked"))), func(r *record.Record) {
			r.Finished = []record.Finished{{Effect: tracked, Outcome: record.Outcome{Kind: events.Done, AccountID: "7", At: time.Now()}}}
		})
		w.addLetter(id("failed"), user, failed)
		_, err := w.index().Store(w.t.Context(), record.IndexKey("lms", "of "+user), []byte(record.Digest(user)), 0)
		w.check(err)
	}
}

// index returns the index of accounts.
func (w *world) index() *streams.Records {
	w.t.Helper()
	index, err := streams.OpenIndex(w.t.Context(), w.client)
	w.check(err)
	return index
}

func TestForget(t *testing.T) {
	w := newWorld(t)
	w.lives()
	u := w.userData()
	want := map[string]int{"EVENTS": 3, "OPEN_REPLAYS": 0, "DEADLETTERS": 1, "RESULTS": 0, "ACCOUNTS": 1, "EFFECTS": 1, "HISTORY": 1}
	if diff := cmp.Diff(want, found(u)); diff != "" {
		t.Fatalf("found (-want +got)\n%s", diff)
	}
	if _, err := w.service.Forget(t.Context(), u, ops.ForgetOptions{}, ops.Actor{Who: "ann"}); !errors.Is(err, ops.ErrNotYet) {
		t.Fatalf("with an account: got %v", err)
	}
	forgotten, err := w.service.Forget(t.Context(), u, ops.ForgetOptions{Accounts: true}, ops.Actor{Who: "ann"})
	w.check(err)
	erased := found(ops.UserData{Matches: forgotten.Erased})
	if diff := cmp.Diff(want, erased); diff != "" {
		t.Errorf("erased (-want +got)\n%s", diff)
	}
	for where, n := range found(w.userData()) {
		if n > 0 {
			t.Errorf("%s still holds %d", where, n)
		}
	}
	if r := w.record("lms", "ada"); !record.Anonymous(r) || r.Lifecycle.Seq != 7 {
		t.Errorf("the record: %+v", r)
	}
	if r := w.record("lms", "bob"); r.AccountID != "7" {
		t.Errorf("the record of the other user: %+v", r)
	}
	for user, want := range map[string]string{"ada": "", "bob": record.Digest("bob")} {
		if entry, _, err := w.index().Load(t.Context(), record.IndexKey("lms", "of "+user)); err != nil || string(entry) != want {
			t.Errorf("the index of accounts has %q for %s, %v", entry, user, err)
		}
	}
	timers, err := streams.OpenTimers(t.Context(), w.client)
	w.check(err)
	w.awaitWake(timers)
	if list, err := w.log().User(t.Context(), record.Digest("bob")); err != nil || len(list) != 1 {
		t.Errorf("the history of the other user: %v, %v", list, err)
	}
	if h, _ := w.history("ada"); h.Forgotten.IsZero() || len(h.Events)+len(h.Accounts) > 0 {
		t.Errorf("the history: %+v", h)
	}
}

// The result of an activity is its memory: a record without personal data takes its place.
func TestForgetActivityWithAResult(t *testing.T) {
	w := newWorld(t)
	w.recorded("lms", "ada", "tracked")
	w.recorded("lms", "bob", "other")
	_, err := w.service.Forget(t.Context(), w.userData(), ops.ForgetOptions{}, ops.Actor{Who: "ann"})
	w.check(err)
	if h, _ := w.history("ada"); len(h.Events) > 0 {
		t.Errorf("the history: %+v", h)
	}
	store, err := recordstore.Open(t.Context(), w.client, streams.EffectsBucket)
	w.check(err)
	for user, id := range map[string]string{"ada": "tracked", "bob": "other"} {
		e, err := store.Load(t.Context(), record.ActivityKey("lms", user, keyOf(id)))
		w.check(err)
		if got, want := record.Anonymous(e.Record), user == "ada"; got != want {
			t.Errorf("%s: %+v", user, e.Record)
		}
	}
}

// TestForgetScansEveryStream finds a delivery with the address in a text, and says so about a word that
// may be the id.
func TestForgetScansEveryStream(t *testing.T) {
	w := newWorld(t)
	w.lives()
	for id, payload := range map[string]string{"d1": `{"from":"Ada L <Ada@Example.org>"}`, "d2": `{"note":"thanks to ada!"}`} {
		w.check(w.service.Streams.DeadLetters.Add(t.Context(), streams.DeadLetter{
			Vendor: ops.Deliveries, Type: "crm", Key: events.Key("/webhooks/crm", id), Class: "invalid", Payload: []byte(payload),
		}))
	}
	u, err := w.service.UserData(t.Context(), ops.Search{UserID: "ada", Emails: []string{"ada@example.org"}})
	w.check(err)
	if u.Doubtful != 1 {
		t.Errorf("got %d doubtful messages, want 1", u.Doubtful)
	}
	done, err := w.service.Forget(t.Context(), u, ops.ForgetOptions{Accounts: true}, ops.Actor{Who: "ann"})
	w.check(err)
	want := map[string]int{"EVENTS": 0, "OPEN_REPLAYS": 0, "DEADLETTERS": 0, "RESULTS": 0, "HISTORY": 0, "EMAILS": 0, "AUDIT": 0}
	if diff := cmp.Diff(want, found(ops.UserData{Matches: done.Scan})); diff != "" {
		t.Errorf("the last scan (-want +got)\n%s", diff)
	}
	if !slices.ContainsFunc(done.Stays, func(text string) bool { return strings.Contains(text, "1 messages that name no user") }) {
		t.Errorf("the doubtful delivery is not listed under stays: %q", done.Stays)
	}
}

// awaitWake waits for the wake of the user at lms, and at no other vendor.
func (w *world) awaitWake(timers *streams.Timers) {
	w.t.Helper()
	wakes, err := timers.Wakes(w.t.Context(), "lms", 1)
	w.check(err)
	defer func() { w.check(wakes.Close(w.t.Context())) }()
	list, err := wakes.Fetch(w.t.Context(), 10, time.Minute)
	w.check(err)
	if len(list) != 1 || list[0].Digest != record.Digest("ada") {
		w.t.Errorf("wakes: %+v", list)
	}
}

// TestForgetWhatIsUnfinished has an effect in each way of not being finished.
func TestForgetWhatIsUnfinished(t *testing.T) {
	w := newWorld(t)
	pending, held := w.event(events.UserUpdated, "pending", "ada"), w.event(events.UserDeleted, "held", "ada")
	replayed := w.event(events.UserUpdated, "replayed", "ada")
	w.account("lms", "ada", func(r *record.Record) {
		replayed.Replay, held.Held = 1, true
		r.Pending, r.Registered = []record.Effect{pending, held, replayed}, replayed.Position
	})
	w.event(events.UserCreated, "unread", "ada")
	w.event(events.ActivityTracked, "nobody takes it", "ada")
	w.serve("lms", 1, events.UserCreated, events.UserUpdated, events.UserDeleted)
	w.serve("crm", 4, events.UserCreated, events.UserUpdated)
	u := w.userData()
	var open []string
	for _, p := range u.Pending {
		open = append(open, p.Vendor+" "+p.Type+" "+p.State+" "+p.Key)
	}
	want := []string{
		"lms user.updated waiting " + keyOf("pending"), "lms user.deleted held " + keyOf("held"),
		"lms user.updated " + ops.PendingReplay + " " + keyOf("replayed"), "lms user.created " + ops.PendingUnread + " " + keyOf("unread"),
	}
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("unfinished (-want +got)\n%s", diff)
	}
	if _, err := w.service.Forget(t.Context(), u, ops.ForgetOptions{}, ops.Actor{Who: "ann"}); !errors.Is(err, ops.ErrNotYet) {
		t.Errorf("got %v", err)
	}
	_, err := w.service.Forget(t.Context(), u, ops.ForgetOptions{Unfinished: true}, ops.Actor{Who: "ann"})
	w.check(err)
	if r := w.record("lms", "ada"); !record.Anonymous(r) {
		t.Errorf("the record: %+v", r)
	}
}

// TestForgetStopsAtANewerEvent is of a user who comes back between the search and the
// erasure.
func TestForgetStopsAtANewerEvent(t *testing.T) {
	w := newWorld(t)
	w.lives()
	u := w.userData()
	back := w.event(events.UserCreated, "back", "ada")
	w.account("lms", "ada", func(r *record.Record) { r.Registered = back.Position })
	_, err := w.service.Forget(t.Context(), u, ops.ForgetOptions{Accounts: true}, ops.Actor{Who: "ann"})
	if err == nil || !strings.Contains(err.Error(), "a newer event came") {
		t.Errorf("got %v", err)
	}
	if r := w.record("lms", "ada"); r.UserID != "ada" {
		t.Errorf("the record: %+v", r)
	}
}

// TestWhyAnAccountIsThere has a vendor that cannot delete, and a deletion that failed.
func TestWhyAnAccountIsThere(t *testing.T) {
	w := newWorld(t)
	deleted := w.event(events.UserDeleted, "deleted", "ada")
	w.account("crm", "ada", func(r *record.Record) { r.State, r.Undeleted, r.Former = record.Deleted, true, "5" })
	w.account("lms", "ada", func(r *record.Record) { r.State, r.AccountID = record.Active, "7" })
	whys := func() (list []string) {
		for _, a := range w.userData().Accounts {
			list = append(list, a.Vendor+" "+a.ID+": "+a.Why)
		}
		slices.Sort(list)
		return list
	}
	cannot := "crm 5: usher cannot delete there: ask the vendor"
	if diff := cmp.Diff([]string{cannot, "lms 7: no user.deleted was carried out there"}, whys()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w.addLetter("deleted", "ada", deleted)
	if diff := cmp.Diff([]string{cannot, "lms 7: user.deleted failed there: see usher dead list"}, whys()); diff != "" {
		t.Errorf("with a dead letter (-want +got)\n%s", diff)
	}
}
