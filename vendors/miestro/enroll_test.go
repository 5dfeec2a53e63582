package miestro_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
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
		t.Errorf("got %d calls, want 1: only a person or the record may repeat the call", n)
	}
}

func TestUnenroll(t *testing.T) {
	for _, repeat := range []string{"ok", "error", "404"} {
		t.Run("second answers "+repeat, func(t *testing.T) {
			a, stand := adapter(t, sandbox.Config{Switches: sandbox.Switches{RepeatUnenroll: repeat}})
			acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
			for _, course := range []string{"7", "8"} {
				if err := a.Enroll(t.Context(), enrollment(acc, course)); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := a.Unenroll(t.Context(), enrollment(acc, "7")); err != nil {
					t.Fatal(err)
				}
			}
			want := []sandbox.Enrollment{
				{UserID: acc.ID, CourseID: "7", Applied: 1, Ended: 1}, {UserID: acc.ID, CourseID: "8", Active: true, Applied: 1},
			}
			if got := stand.State("miestro").Enrollments; !slices.Equal(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestUnenrollOfNobody(t *testing.T) {
	a, _ := adapter(t, sandbox.Config{})
	if err := a.Unenroll(t.Context(), enrollment(vendors.Account{ID: "99"}, "7")); err != nil {
		t.Errorf("got %v, want success: who is not there is in no course", err)
	}
}

func TestUnenrollThatIsRefused(t *testing.T) {
	answers := map[string]struct {
		status int
		said   string
		ok     bool
	}{
		"not enrolled":        {422, "The user is not enrolled.", true},
		"no enrolment":        {409, "Enrolment does not exist", true},
		"not any more":        {400, "User 7 is not currently enrolled in course 7", true},
		"not found":           {400, "Enrollment not found", true},
		"it cannot be":        {422, "The user cannot be unenrolled.", false},
		"it can not be":       {422, "This enrolment can not be cancelled.", false},
		"something else":      {422, "The course is locked.", false},
		"the vendor is ill":   {500, "not enrolled", false},
		"we may not":          {403, "You are not allowed to change enrolments.", false},
		"it is a bad request": {400, "The course id is invalid.", false},
	}
	for name, test := range answers {
		vendortest.Try(t, name, func(t *testing.T) {
			c := config("http://miestro.test")
			c.HTTP = memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(test.status)
				}
				fmt.Fprintf(w, `{"message":%q}`, test.said)
			}))
			a, err := miestro.New(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Unenroll(t.Context(), enrollment(vendors.Account{ID: "1"}, "7")); (err == nil) != test.ok {
				t.Errorf("got %v, want success to be %v", err, test.ok)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	a, stand := adapter(t, sandbox.Config{})
	acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
	tests := map[string]struct {
		enrollment vendors.Enrollment
		says       string
	}{
		"no such course":     {enrollment(acc, "999"), "no course 999"},
		"course in words":    {enrollment(acc, "go"), "not a number"},
		"course 0":           {enrollment(acc, "0"), "not a number"},
		"account in words":   {enrollment(vendors.Account{ID: "ada"}, "7"), "not a number"},
		"no such account":    {enrollment(vendors.Account{ID: "99"}, "7"), "404"},
		"account with a dot": {enrollment(vendors.Account{ID: "1/../2"}, "7"), "not a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for op, do := range map[string]func(context.Context, vendors.Enrollment) error{"enroll": a.Enroll, "unenroll": a.Unenroll} {
				if op == "unenroll" && test.says == "404" {
					continue // who is not there is in no course
				}
				err := do(t.Context(), test.enrollment)
				if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), test.says) || !strings.Contains(fmt.Sprint(err), op) {
					t.Errorf("%s: got %v, want a permanent error that says %q", op, err, test.says)
				}
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

func TestListCoursesWalksAllPages(t *testing.T) {
	a, _ := adapter(t, sandbox.Config{})
	var got []string
	if err := a.ListCourses(t.Context(), func(c vendors.ListedCourse) error { got = append(got, c.ID+" "+c.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 50 || got[6] != "7 Course 7" {
		t.Errorf("got %d courses: %v", len(got), got)
	}
}
