package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// memory is a vendor in memory.
type memory map[string]string // e-mail → account

func (m memory) Find(_ context.Context, u vendors.User) (vendors.Account, error) {
	if id, there := m[u.Email]; there {
		return vendors.Account{ID: id}, nil
	}
	return vendors.Account{}, vendors.ErrNotFound
}

func (m memory) Check(context.Context) error { return nil }

func (m memory) Create(_ context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	m[u.Email] = "account of " + u.ID
	return vendors.Account{ID: m[u.Email]}, nil
}

// A handler plans an event for a vendor, and the plan calls the ports of the adapter. Without a
// record of earlier events, the plan looks up the account first.
func ExampleUserCreated() {
	e, err := events.Parse([]byte(`{"specversion": "1.0", "id": "1", "source": "/school", "type": "user.created",
		"data": {"user_id": "ada", "email": "ada@example.org"}}`))
	if err != nil {
		log.Fatal(err)
	}
	plan, err := handlers.UserCreated().Plan(handlers.Vendor{Name: "memory", Adapter: memory{}}, e)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		reply, err := plan.Do(context.Background(), handlers.Known{})
		fmt.Println(reply.Outcome, reply.Account.ID, err)
	}
	// Output:
	// done account of ada <nil>
	// already_done account of ada <nil>
}

// Missing ports have the outcome unsupported.
func ExampleUserDeleted() {
	reply := do(handlers.UserDeleted(), "user.deleted", `{"user_id": "ada"}`, memory{})
	fmt.Println(reply.Outcome)
	// Output: unsupported
}

// academy is a vendor with courses.
type academy struct{ memory }

func (academy) Enroll(_ context.Context, e vendors.Enrollment) error {
	fmt.Println("enroll", e.Account.ID, "in", e.Course.ID)
	return nil
}

// Our course ids are mapped to the ids of each vendor.
func ExampleEnrollmentRequested() {
	courses := handlers.Courses{"go-basics": {"memory": "7"}}
	h := handlers.EnrollmentRequested(courses, []string{"memory"})
	reply := do(h, "enrollment.requested", `{"user_id": "ada", "email": "ada@example.org", "course_id": "go-basics"}`,
		academy{memory{"ada@example.org": "1"}})
	fmt.Println(reply.Outcome)
	// Output:
	// enroll 1 in 7
	// done
}

// A vendor without the port vendors.Tracker gets no consumer for activity.
func ExampleActivityTracked() {
	h := handlers.ActivityTracked()
	fmt.Println(h.Type, h.Scope, h.Supports(memory{}))
	// Output: activity.tracked activity false
}

// do plans an event and makes the change.
func do(h handlers.Handler, kind, data string, adapter vendors.Adapter) handlers.Reply {
	e, err := events.New(kind, "/school", "1", time.Unix(0, 0), json.RawMessage(data))
	if err != nil {
		log.Fatal(err)
	}
	plan, err := h.Plan(handlers.Vendor{Name: "memory", Adapter: adapter}, e)
	if err != nil {
		log.Fatal(err)
	}
	reply, err := plan.Do(context.Background(), handlers.Known{})
	if err != nil {
		log.Fatal(err)
	}
	return reply
}
