package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

const learners = `, scope: 'user.attributes.role == "learner"'`

// personEvent returns an event with the data of a user, and more members of the data.
func personEvent(typ, event, id, more string) string {
	return cloudEvent(typ, event, `{"user_id":"`+id+`","email":"`+id+`@example.org"`+more+`}`)
}

// TestLearnersOnly runs the first case of docs/rules.md.
func TestLearnersOnly(t *testing.T) {
	w := newSchools(t, learners)
	w.serve()
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"first_name":"Ada","attributes":{"role":"staff"}`),
		cloudEvent(events.EnrollmentRequested, "e-ada", `{"user_id":"ada","course_id":"only","email":"ada@example.org"}`),
		personEvent(events.UserCreated, "c-eve", "eve", `,"attributes":{"role":"learner"}`))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Skipped})
	w.expect("e-ada", map[string]string{"school2": events.Skipped})
	w.expect("c-eve", map[string]string{"school1": events.Done, "school2": events.Done})
	if w.users("school2") != 1 {
		t.Fatalf("got %d accounts, want that of eve alone", w.users("school2"))
	}

	// Ada becomes a learner: the update creates the account, from the whole profile.
	w.feedAll(personEvent(events.UserUpdated, "u-ada", "ada", `,"last_name":"Byron","attributes":{"role":"learner"}`))
	w.expect("u-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	if w.users("school2") != 2 {
		t.Fatalf("got %d accounts, want 2", w.users("school2"))
	}

	// A user who leaves keeps the account, and gets no further updates; the deletion is made.
	w.feedAll(personEvent(events.UserUpdated, "l-ada", "ada", `,"attributes":{"role":"staff"}`))
	w.expect("l-ada", map[string]string{"school1": events.Done, "school2": events.Skipped})
	w.feedAll(personEvent(events.UserDeleted, "d-ada", "ada", ""))
	w.expect("d-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	for _, u := range w.stands.State().Vendors["school2"].Users {
		if u.Deleted == (u.Email == "eve@example.org") {
			t.Errorf("got %+v, want the account of eve alone", u)
		}
	}
	w.end()
}

// TestRuleThatCannotBeEvaluated checks the dead letter for a user without a member.
func TestRuleThatCannotBeEvaluated(t *testing.T) {
	w := newSchools(t, learners)
	w.serve()
	w.feedAll(user("ada"))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Failed})
	if out := w.must("dead", "list"); !strings.Contains(out, "rule") {
		t.Errorf("got %s", out)
	}
	if w.users("school2") != 0 {
		t.Error("the vendor was called")
	}
	w.end()
}

// TestAttributeToField runs the second case of docs/rules.md.
func TestAttributeToField(t *testing.T) {
	w := newSchools(t, `, map: {last_name: "user.attributes.team", first_name: {value: "user.first_name.upperAscii()", at: create}}`)
	w.serve()
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"first_name":"Ada","attributes":{"team":"Red"}`))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.name("school2", "ADA Red")
	w.feedAll(personEvent(events.UserUpdated, "u-ada", "ada", `,"attributes":{"team":"Blue"}`))
	w.expect("u-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.end()
}

// name checks the name of the only account at a stand-in.
func (w *world) name(vendor, want string) {
	w.t.Helper()
	for _, u := range w.stands.State().Vendors[vendor].Users {
		if u.Name != want {
			w.t.Errorf("got the name %q, want %q", u.Name, want)
		}
	}
}

// TestActivityUnderAScope tracks activities of users in scope only. An activity ahead of all data of
// the user waits.
func TestActivityUnderAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	steps := []caseStep{{file: "vendors: {usermost: {scope: 'user.attributes.role == \"learner\"'}}\n"}}
	c := &caseWorld{world: w, all: w.environ}
	c.configure(steps[0].file)
	w.serve()
	act := func(id, user string) string {
		return cloudEvent(events.ActivityTracked, id, `{"user_id":"`+user+`","name":"login"}`)
	}
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"attributes":{"role":"staff"}`),
		personEvent(events.UserCreated, "c-eve", "eve", `,"attributes":{"role":"learner"}`))
	w.expect("c-ada", map[string]string{"usermost": events.Skipped})
	w.expect("c-eve", map[string]string{"usermost": events.Done})
	w.feedAll(act("a-ada", "ada"), act("a-eve", "eve"), act("a-zoe", "zoe"))
	w.expect("a-ada", map[string]string{"usermost": events.Skipped})
	w.expect("a-eve", map[string]string{"usermost": events.Done})
	w.until("the activity of an unknown user waits", func() bool { s, _ := w.standing(); return at(s, "usermost").Waiting == 1 })
	if got := w.outcomes("a-zoe"); len(got) != 0 {
		t.Errorf("got %v for an unknown user", got)
	}
	w.waitLog(`"attempts":2`, 1) // the record of the activity is in memory
	w.feedAll(personEvent(events.UserCreated, "c-zoe", "zoe", `,"attributes":{"role":"learner"}`))
	w.expect("c-zoe", map[string]string{"usermost": events.Done})
	w.expect("a-zoe", map[string]string{"usermost": events.Done})
	for _, e := range w.stands.State().Vendors["usermost"].Events {
		if e.UserID == "ada" || e.Received != 1 {
			t.Errorf("got %+v", e)
		}
	}
	w.end()
}

// TestEnteringScopeWithoutCreations brings a user into the scope of a vendor where the team allows
// no creation: no account is made, and preview and simulate say so before.
func TestEnteringScopeWithoutCreations(t *testing.T) {
	t.Parallel()
	w := newSchools(t, learners+", may: [update, delete]")
	w.serve()
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"attributes":{"role":"staff"}`))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Skipped})
	enters := personEvent(events.UserUpdated, "u-ada", "ada", `,"attributes":{"role":"learner"}`)
	if p := w.preview(enters, "-", "--vendor", "school2"); len(p) != 1 || len(p[0].Vendors) != 1 || p[0].Vendors[0].Would != "skip" || p[0].Vendors[0].Reason != "may" {
		t.Errorf("preview: got %+v, want skip, may", p)
	}
	w.feedAll(enters)
	w.expect("u-ada", map[string]string{"school1": events.Done, "school2": events.Skipped})
	if out := w.must("results", "--event", "u-ada", "--vendor", "school2"); !strings.Contains(out, "may: create") {
		t.Errorf("got %s, want may: create", out)
	}
	if rows, _, err := w.simulate("", "--vendor", "school2"); err != nil || len(rows) != 1 || rows[0].Would != "skip" || rows[0].Reason != "may" {
		t.Errorf("simulate: got %+v, %v, want skip, may", rows, err)
	}
	if w.users("school2") != 0 {
		t.Error("an account was made")
	}
	w.end()
}

// TestForgetErasesTheProfile forgets a user with a profile: no value of the user is left in PROFILES.
func TestForgetErasesTheProfile(t *testing.T) {
	t.Parallel()
	w := newSchools(t, learners)
	w.serve()
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"first_name":"Unmistakable","attributes":{"role":"learner"}`),
		personEvent(events.UserCreated, "c-eve", "eve", `,"attributes":{"role":"learner"}`))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.expect("c-eve", map[string]string{"school1": events.Done, "school2": events.Done})
	nc, err := nats.Connect(w.nats)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	profiles := func() (text string) {
		t.Helper()
		records, err := streams.OpenRecords(t.Context(), streams.Client{JetStream: js}, streams.ProfilesBucket)
		if err != nil {
			t.Fatal(err)
		}
		for stored, err := range records.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			text += string(stored.Value) + "\n"
		}
		return text
	}
	if got := profiles(); !strings.Contains(got, "Unmistakable") {
		t.Fatalf("got the profiles %s, want that of ada", got)
	}
	w.must("forget", "ada", "--yes", "--keep-accounts", "--reason", "asked for")
	if got := profiles(); strings.Contains(got, "Unmistakable") || strings.Contains(got, "ada@example.org") || !strings.Contains(got, "eve@example.org") {
		t.Errorf("got the profiles %s, want that of eve alone", got)
	}
	w.end()
}
