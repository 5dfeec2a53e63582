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

// flaky answers no call that enables or disables.
type flaky struct {
	disabler
	err error
}

func (f *flaky) Enable(context.Context, vendors.Origin, vendors.Account) error { return f.err }

// An account may be enabled although the answer is lost: the effect must say so, since the next attempt
// may be judged otherwise.
func TestLostAnswerOfEnabling(t *testing.T) {
	off := handlers.Known{Gone: true, Disabled: true, PreviousAccountID: "7"}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no answer":   {&vendors.Error{Vendor: "acme", Err: errors.New("EOF")}, true},
		"502":         {&vendors.Error{Vendor: "acme", Status: 502}, true},
		"429":         {&vendors.Error{Vendor: "acme", Status: 429}, false},
		"never begun": {&vendors.Error{Vendor: "acme", Err: vendors.ErrLate}, false},
	} {
		adapter := &flaky{err: c.err}
		adapter.calls = new([]string)
		_, err := carryOut(t, handlers.UserCreated(), handlers.Vendor{Name: "acme", Adapter: adapter}, off)
		if err == nil || errors.Is(err, handlers.ErrChanged) != c.want {
			t.Errorf("%s: got %v, want ErrChanged: %v", name, err, c.want)
		}
	}
}
