package handlers_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// No handler changes an account that cannot be reserved, whether the record or a look-up names it.
func TestNoChangeWithoutAReservation(t *testing.T) {
	held := errors.New("held by another user")
	names := []string{"acme", "other"}
	for _, h := range []handlers.Handler{
		handlers.UserUpdated(), handlers.UserDeleted(), handlers.UserRestored(),
		handlers.EnrollmentRequested(courses, names), handlers.EnrollmentCancelled(courses, names),
	} {
		for name, c := range map[string]struct {
			known handlers.Known
			port  port
			free  string // the account that can be reserved
		}{
			"known":             {active, port{}, ""},
			"found":             {handlers.Known{}, port{account: "7"}, ""},
			"moved":             {active, port{account: "8", missing: "7"}, "7"},
			"deleted, in doubt": {handlers.Known{Gone: true, UnconfirmedLifecycle: true, PreviousAccountID: "7"}, port{}, ""},
		} {
			t.Run(h.Type+"/"+name, func(t *testing.T) {
				var calls, asked []string
				c.port.calls = &calls
				c.known.Reserve = func(_ context.Context, a vendors.Account) error {
					asked = append(asked, a.ID)
					if a.ID != c.free {
						return held
					}
					return nil
				}
				data := map[string]any{"user_id": "u1", "email": "ada@example.org", "course_id": "go-1"}
				plan, err := h.Plan(handlers.Vendor{Name: "acme", Adapter: &c.port}, event(t, h.Type, data))
				if err != nil {
					t.Fatal(err)
				}
				_, err = plan.Do(t.Context(), c.known)
				if len(asked) > 0 && asked[len(asked)-1] != c.free && !errors.Is(err, held) {
					t.Errorf("got %v after a refusal", err)
				}
				for _, call := range calls {
					if word := strings.Fields(call); word[0] != "find" && word[1] != c.free {
						t.Errorf("called %q", call)
					}
				}
			})
		}
	}
}
