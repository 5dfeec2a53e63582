package handlers_test

import (
	"context"
	"errors"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// halfway enables an account, and fails the update that follows.
type halfway struct {
	port

	err error
}

func (*halfway) Disable(context.Context, vendors.Origin, vendors.Account) error { return nil }

func (*halfway) Enable(context.Context, vendors.Origin, vendors.Account) error { return nil }

func (h *halfway) Update(context.Context, vendors.Origin, vendors.Account, vendors.User) error {
	return h.err
}

// A failure behind the enabling of an account says that the vendor was changed: a deletion must not
// pass the user by as deleted.
func TestFailureAfterEnabling(t *testing.T) {
	down := &vendors.Error{Vendor: "acme", Op: "retrieve user", Status: 503}
	off := trashed
	off.Disabled = true
	h := handlers.UserCreated()
	plan, err := h.Plan(handlers.Vendor{Name: "acme", Adapter: &halfway{port{calls: new([]string)}, down}}, event(t, events.UserCreated, map[string]any{"user_id": "u1", "email": "ada@example.org"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Do(t.Context(), off); !errors.Is(err, handlers.ErrChanged) || !errors.Is(err, down) {
		t.Errorf("got %v, want the failure, marked as after a change", err)
	}
}
