package miestro_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
)

func enrollment(acc vendors.Account, course string) vendors.Enrollment {
	return vendors.Enrollment{Origin: origin, UserID: "u1", Account: acc, Course: vendors.Course{ID: course, Ours: "go-101"}}
}

func TestEnroll(t *testing.T) {
	for _, repeat := range []string{"ok", "error"} {
		t.Run("second answers "+repeat, func(t *testing.T) {
			a, stand := adapter(t, sandbox.Config{Switches: sandbox.Switches{RepeatEnroll: repeat}})
			acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
			for range 2 {
				if err := a.Enroll(t.Context(), enrollment(acc, "7")); err != nil {
					t.Fatal(err)
				}
			}
			want := sandbox.Enrollment{UserID: acc.ID, CourseID: "7", Active: true, Applied: 2}
			if got := stand.State("miestro").Enrollments; len(got) != 1 || got[0] != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestEnrollWithALostAnswerIsUnknown(t *testing.T) {
	a, stand := adapter(t, sandbox.Config{})
	acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
	if err := stand.Box.Next("miestro", sandbox.Fault{Kind: sandbox.DropAfter, On: "POST /users/{id}/enroll"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Enroll(t.Context(), enrollment(acc, "7")); !vendors.IsUnknown(err) {
		t.Errorf("got %v, want an Unknown error", err)
	}
	if n := stand.State("miestro").Calls["POST /users/{id}/enroll"]; n != 1 {
		t.Errorf("got %d calls, want 1: nothing may repeat it but a person or the ledger", n)
	}
}

func TestEnrollRefusals(t *testing.T) {
	a, stand := adapter(t, sandbox.Config{})
	acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
	tests := map[string]struct {
		enrollment vendors.Enrollment
		says       string
	}{
		"no such course":     {enrollment(acc, "999"), "no course 999"},
		"course in words":    {enrollment(acc, "go"), "numbers"},
		"course 0":           {enrollment(acc, "0"), "numbers"},
		"account in words":   {enrollment(vendors.Account{ID: "ada"}, "7"), "not a number"},
		"no such account":    {enrollment(vendors.Account{ID: "99"}, "7"), "404"},
		"account with a dot": {enrollment(vendors.Account{ID: "1/../2"}, "7"), "not a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := a.Enroll(t.Context(), test.enrollment)
			if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want a permanent error that says %q", err, test.says)
			}
		})
	}
	if got := stand.State("miestro").Enrollments; len(got) != 0 {
		t.Errorf("got %+v, want none", got)
	}
	if status := vendors.StatusOf(a.Enroll(t.Context(), tests["no such account"].enrollment)); status != http.StatusNotFound {
		t.Errorf("got status %d, want 404", status)
	}
}
