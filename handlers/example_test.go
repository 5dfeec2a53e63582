package handlers_test

import (
	"context"
	"fmt"
	"log"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// memory is a vendor that takes anybody.
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

// A handler plans an event for a vendor, and the plan calls the vendor by the
// ports that its adapter has. Without a ledger it does not know what it did before,
// so it looks.
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
