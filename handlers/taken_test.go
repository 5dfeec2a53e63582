package handlers_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// refusing is a vendor that refuses the first updates.
type refusing struct {
	port

	refusals []error
}

func (r *refusing) Update(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) error {
	if err := r.port.Update(ctx, from, a, u); err != nil || len(r.refusals) == 0 {
		return err
	}
	refused := r.refusals[0]
	r.refusals = r.refusals[1:]
	return refused
}

// A refused update whose e-mail has the account of another user is a conflict, and is repeated if the
// address has become free. Every other refusal stays.
func TestUpdateToATakenAddress(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org", "first_name": "Ada"}
	held := errors.New("held by another user")
	taken := &vendors.Error{Vendor: "acme", Status: 422, Class: vendors.Permanent}
	staff := vendors.Fail("acme", "update", "staff")
	const find, update = "find ada@example.org", "update 7 to ada@example.org Ada"
	for name, c := range map[string]struct {
		account  string // of the look-up
		refusals []error
		match    []string
		err      error
		calls    []string
	}{
		"of another user":            {"8", []error{taken}, nil, held, []string{update, find}},
		"of nobody of ours":          {"9", []error{taken}, nil, taken, []string{update, find}},
		"free by now":                {"", []error{taken}, nil, nil, []string{update, find, update}},
		"refused for another reason": {"", []error{taken, taken}, nil, taken, []string{update, find, update}},
		"the user's own":             {"7", []error{taken}, nil, taken, []string{update, find}},
		"never looked up":            {"8", []error{taken}, []string{vendors.KeyID}, taken, []string{update}},
		"no answer":                  {"8", []error{unknown}, nil, unknown, []string{update}},
		"not asked":                  {"8", []error{staff}, nil, staff, []string{update}},
		"accepted":                   {"8", nil, nil, nil, []string{update}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := []string{}
			p := &refusing{port{calls: &calls, account: c.account}, slices.Clone(c.refusals)}
			known := active
			known.Reserve = func(_ context.Context, a vendors.Account) error {
				if a.ID == "8" {
					return held
				}
				return nil
			}
			h := handlers.UserUpdated()
			plan, err := h.Plan(handlers.Vendor{Name: "acme", Adapter: p, Policy: handlers.Policy{Match: c.match}}, event(t, h.Type, ada))
			if err != nil {
				t.Fatal(err)
			}
			_, err = plan.Do(t.Context(), known)
			if !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls: %s", diff)
			}
		})
	}
}
