package scenario_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/schemas"
)

// TestEventsAreValid checks that Usher accepts every type of event of a scenario.
func TestEventsAreValid(t *testing.T) {
	check, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	var w scenario.Writer
	u := scenario.User{ID: "u1", Email: "ada@example.org", First: "Ada", Last: "Berg"}
	w.Create(&u)
	w.Update(&u)
	u.Role = "learner"
	w.Change(&u, "last_name", "attributes")
	w.Enroll(&u, "algebra")
	w.Cancel(&u)
	w.Act(&u, "lesson_viewed", 12)
	w.Delete(&u)
	w.Restore(&u)
	if w.Err != nil {
		t.Fatal(w.Err)
	}
	types, ids := map[string]bool{}, map[string]bool{}
	for i, e := range w.Events {
		if err := check.Validate(e); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
		types[e.Type()], ids[e.ID()] = true, true
	}
	for _, kind := range events.Types() {
		if !types[kind] {
			t.Errorf("the writer has no %s", kind)
		}
	}
	if len(ids) != len(w.Events) {
		t.Errorf("got %d ids of %d events", len(ids), len(w.Events))
	}
}

// TestUserFollowsTheEvents checks the state of a user after each event.
func TestUserFollowsTheEvents(t *testing.T) {
	var w scenario.Writer
	u := scenario.User{ID: "u1", Email: "ada@example.org"}
	want := func(step string, user scenario.User) {
		t.Helper()
		user.ID, user.Email = u.ID, u.Email
		if diff := cmp.Diff(user, u); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step, diff)
		}
	}
	w.Create(&u)
	w.Enroll(&u, "algebra")
	w.Enroll(&u, "biology")
	w.Enroll(&u, "algebra")
	w.Cancel(&u)
	want("the course enrolled in last is cancelled", scenario.User{Courses: []string{"biology"}, Cancelled: []string{"algebra"}})
	w.Delete(&u)
	want("a deleted user has no courses", scenario.User{Deleted: true})
	w.Restore(&u)
	want("a restored user is not deleted", scenario.User{})
}

// TestRepeatHasNoMessageID checks that NATS cannot drop a repeat as a duplicate.
func TestRepeatHasNoMessageID(t *testing.T) {
	var w scenario.Writer
	w.Create(&scenario.User{ID: "u1", Email: "ada@example.org"})
	for repeat, has := range map[bool]bool{false: true, true: false} {
		m, err := scenario.Publication{Event: w.Events[0], Repeat: repeat}.Message()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get(events.HeaderMsgID) != ""; got != has || m.Subject != events.UserCreated {
			t.Errorf("repeat %v: message id %v, subject %s", repeat, got, m.Subject)
		}
	}
}
