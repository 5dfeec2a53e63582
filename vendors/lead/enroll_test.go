package lead_test

import (
	"fmt"
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
	c := config(stand.URL)
	c.EnrollPath = ""
	err := adapter(t, c).Enroll(t.Context(), vendors.Enrollment{Account: vendors.Account{ID: "1"}, Course: seven})
	if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "unsupported by LEAD's documentation; set USHER_LEAD_ENROLL_PATH") {
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

func TestEnrollRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, config(stand.URL))
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
		})
	}
}
