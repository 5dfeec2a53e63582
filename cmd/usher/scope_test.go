package main

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
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
