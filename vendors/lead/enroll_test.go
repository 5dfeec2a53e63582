package lead_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func TestEnrollWithoutAPath(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	c := configOf(stand)
	c.EnrollPath = ""
	err := adapter(t, c).Enroll(t.Context(), vendors.Enrollment{Account: vendors.Account{ID: "1"}, Course: seven})
	if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "unsupported by LEAD's documentation (set USHER_LEAD_ENROLL_PATH") {
		t.Errorf("got %v, want a permanent error that names the setting", err)
	}
	if calls := stand.State("lead").Calls; len(calls) != 0 {
		t.Errorf("got calls %v, want none", calls)
	}
}

func TestEnrollIsReadBack(t *testing.T) {
	t.Parallel()
	a := adapter(t, config(talking(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, map[string]string{http.MethodGet: `{"courses":[{"id":70}]}`}[r.Method])
	})))
	err := a.Enroll(t.Context(), vendors.Enrollment{Account: vendors.Account{ID: "5"}, Course: seven})
	if !vendors.IsUnknown(err) || vendors.ClassOf(err) != vendors.Again {
		t.Errorf("got %v, want an error that says Unknown: the courses do not show it", err)
	}
}

// TestCourseWithZeros is about an id that is compared as the number that it is sent as.
func TestCourseWithZeros(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	e := vendors.Enrollment{Origin: origin, Account: create(t, a, ada), Course: vendors.Course{ID: "007"}}
	if err := a.Enroll(t.Context(), e); err != nil {
		t.Error(err)
	}
	if err := a.Unenroll(t.Context(), e); err != nil {
		t.Error(err)
	}
	if in := stand.State("lead").Enrollments; len(in) != 1 || in[0].Active || in[0].Applied != 1 || in[0].Ended != 1 {
		t.Errorf("got %+v, want one enrolment, ended", in)
	}
}

func TestEnrollRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	account := create(t, a, ada)
	tests := map[string]vendors.Enrollment{
		"course is no number":  {Account: account, Course: vendors.Course{ID: "go"}},
		"account is no number": {Account: vendors.Account{ID: "u-1"}, Course: seven},
		"no such course":       {Account: account, Course: vendors.Course{ID: "99999"}},
	}
	for name, e := range tests {
		t.Run(name, func(t *testing.T) {
			if err := a.Enroll(t.Context(), e); err == nil || vendors.ClassOf(err) != vendors.Permanent {
				t.Errorf("got %v, want a permanent error", err)
			}
			if err := a.Unenroll(t.Context(), e); name != "no such course" && (err == nil || vendors.ClassOf(err) != vendors.Permanent) {
				t.Errorf("unenroll: got %v, want a permanent error", err)
			}
		})
	}
}

func TestUnenroll(t *testing.T) {
	t.Parallel()
	for _, repeat := range []string{"ok", "error", "404"} {
		t.Run(repeat, func(t *testing.T) {
			t.Parallel()
			stand := vendortest.Serve(t, "lead", sandbox.Config{Switches: sandbox.Switches{RepeatUnenroll: repeat}})
			a, ctx := adapter(t, configOf(stand)), t.Context()
			e := vendors.Enrollment{Origin: origin, Account: create(t, a, ada), Course: seven}
			if err := a.Enroll(ctx, e); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := a.Unenroll(ctx, e); err != nil {
					t.Error(err)
				}
			}
			if in, err := a.Enrolled(ctx, e.Account, seven); err != nil || in {
				t.Errorf("got %v, %v, want it out of the course", in, err)
			}
			if n := stand.State("lead").Calls["DELETE /courses/{course}/users/{learner}"]; n != 1 {
				t.Errorf("got %d calls, want 1: LEAD can be asked who is in a course", n)
			}
		})
	}
}

func TestUnenrollWithoutAPath(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	c := configOf(stand)
	c.UnenrollPath = ""
	err := adapter(t, c).Unenroll(t.Context(), vendors.Enrollment{Account: vendors.Account{ID: "1"}, Course: seven})
	if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "unsupported by LEAD's documentation (set USHER_LEAD_UNENROLL_PATH") {
		t.Errorf("got %v, want a permanent error that names the setting", err)
	}
	if calls := stand.State("lead").Calls; len(calls) != 0 {
		t.Errorf("got calls %v, want none", calls)
	}
}

// TestUnenrollIsReadBack is about calls whose answer does not say what came of them.
func TestUnenrollIsReadBack(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path   string
		called string // method, path and body
		status int
		works  bool
		class  vendors.Class // of the error
		ok     bool
	}{
		"posted":                        {"leave/{user}/{course}", `POST /leave/5/7 {"course_id":7,"user_id":5}`, 200, true, 0, true},
		"deleted":                       {"DELETE /courses/{course}/users/{user}", "DELETE /courses/7/users/5 ", 204, true, 0, true},
		"refused, and out all the same": {"leave", `POST /leave {"course_id":7,"user_id":5}`, 422, true, 0, true},
		"refused, and still in":         {"leave", `POST /leave {"course_id":7,"user_id":5}`, 422, false, vendors.Permanent, false},
		"taken, and still in":           {"leave", `POST /leave {"course_id":7,"user_id":5}`, 200, false, vendors.Again, false},
		"a path that is not there":      {"leave", `POST /leave {"course_id":7,"user_id":5}`, 404, false, vendors.Permanent, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, called := true, ""
			c := config(talking(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = fmt.Fprint(w, map[bool]string{true: `{"courses":[{"id":7},{"id":70}]}`, false: `{"courses":[{"id":70}]}`}[in])
					return
				}
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				in, called = !test.works, fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, body)
				w.WriteHeader(test.status)
			}))
			c.UnenrollPath = test.path
			err := adapter(t, c).Unenroll(t.Context(), vendors.Enrollment{Account: vendors.Account{ID: "5"}, Course: seven})
			if (err == nil) != test.ok || (err != nil && vendors.ClassOf(err) != test.class) || called != test.called {
				t.Errorf("got %v after %q, want success to be %v (%v) after %q", err, called, test.ok, test.class, test.called)
			}
		})
	}
}

func TestUnenrollOfNobody(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	made := create(t, a, ada)
	if err := a.Delete(t.Context(), origin, made); err != nil {
		t.Fatal(err)
	}
	if err := a.Unenroll(t.Context(), vendors.Enrollment{Account: made, Email: ada.Email, Course: seven}); err != nil {
		t.Errorf("got %v, want success: who is not there is in no course", err)
	}
}
