package main

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// newCRM is a world with one vendor, crm of the kind scim. The rules are further settings of crm in
// the file.
func newCRM(t *testing.T, rules string) *world {
	t.Helper()
	w := newWorld(t)
	stands, err := sandbox.New(sandbox.Config{Instances: map[string]string{"crm": "scim"}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	t.Cleanup(web.Close)
	w.stands = stands
	environ := []string{"USHER_CRM_TIMEOUT=5s"}
	for _, variable := range append(w.environ, stands.Environ(strings.TrimPrefix(web.URL, "http://"))...) {
		if strings.HasPrefix(variable, "USHER_CRM_") || strings.HasPrefix(variable, "USHER_NATS") || strings.HasPrefix(variable, "USHER_HTTP") || strings.HasPrefix(variable, "USHER_WORKER") {
			environ = append(environ, variable)
		}
	}
	w.environ = environ
	text := "vendors:\n  crm: {kind: scim" + rules + "}\ncourses:\n  go: {crm: \"7\"}\n"
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// crm sends an event, waits for the outcome, and returns the accounts.
func (w *world) crm(id, kind, data string) []sandbox.User {
	w.t.Helper()
	w.feedAll(cloudEvent(kind, id, data))
	w.expect(id, map[string]string{"crm": events.Done})
	return w.stands.State().Vendors["crm"].Users
}

// A deletion disables the account of a SCIM server by default, and a user who returns gets the same
// account.
func TestSCIMDisablesByDefault(t *testing.T) {
	const ada = `{"user_id":"ada","email":"ada@example.org","first_name":"Ada"}`
	w := newCRM(t, "")
	w.serve()
	w.crm("c", events.UserCreated, ada)
	w.crm("e", events.EnrollmentRequested, `{"user_id":"ada","course_id":"go"}`)
	if in := w.stands.State().Vendors["crm"].Enrollments; len(in) != 1 || in[0].CourseID != "7" || !in[0].Active {
		t.Errorf("got %+v, want one membership", in)
	}
	users := w.crm("d", events.UserDeleted, `{"user_id":"ada"}`)
	if len(users) != 1 || !users[0].Deleted || w.stands.State().Vendors["crm"].Calls["DELETE /Users/{id}"] != 0 {
		t.Errorf("got %+v, want the account disabled, without a DELETE", users)
	}
	users = w.crm("b", events.UserCreated, `{"user_id":"ada","email":"ada@example.org","first_name":"Augusta"}`)
	if len(users) != 1 || users[0].Deleted || users[0].Name != "Augusta" {
		t.Errorf("got %+v, want the same account, enabled", users)
	}
	out := w.must("results", "--vendor", "crm")
	for _, action := range []string{events.ActionCreated, events.ActionEnrolled, events.ActionDisabled, events.ActionEnabled} {
		if !strings.Contains(out, "\t"+action) {
			t.Errorf("got\n%s\nwant the action %s", out, action)
		}
	}
	w.end()
}

func TestSCIMDeletesIfSet(t *testing.T) {
	w := newCRM(t, ", on_delete: delete")
	w.serve()
	w.crm("c", events.UserCreated, `{"user_id":"ada","email":"ada@example.org"}`)
	w.crm("d", events.UserDeleted, `{"user_id":"ada"}`)
	if n := w.stands.State().Vendors["crm"].Calls["DELETE /Users/{id}"]; n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
	if out := w.must("vendors", "check", "crm"); !strings.Contains(out, "crm\tok") {
		t.Errorf("got %s", out)
	}
	w.end()
}

// The lists are for reading: e-mails are masked, nothing is changed, and the credentials of a vendor
// that is off are no call.
func TestVendorsLists(t *testing.T) {
	w := newCRM(t, "")
	for _, email := range []string{"ada@example.org", "eve@example.org", "joe@example.org"} {
		if err := w.stands.ChangeManually("crm", sandbox.Add, email); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args []string
		want string
		not  string
	}{
		{[]string{"users", "crm"}, "3\tj…@example.org", "joe@"},
		{[]string{"users", "crm", "--limit", "2"}, "2\te…@example.org", "j…@"},
		{[]string{"users", "crm", "--emails", "--json"}, `"email": "joe@example.org"`, "…"},
		{[]string{"courses", "crm"}, "7\tGroup 7", "e…"},
		{[]string{"courses", "crm", "--limit", "3", "--json"}, `"name": "Group 3"`, "Group 4"},
	} {
		if out := w.must(append([]string{"vendors"}, test.args...)...); !strings.Contains(out, test.want) || strings.Contains(out, test.not) {
			t.Errorf("%v: got\n%s\nwant %q in it, and not %q", test.args, out, test.want, test.not)
		}
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"users", "nobody"}, "there is no vendor nobody"},
		{[]string{"courses", "lead"}, "lead is off"},
		{[]string{"users", "crm", "--limit=-1"}, "--limit must be 0 or above"},
	} {
		if _, err := w.try(append([]string{"vendors"}, test.args...)...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %q", test.args, err, test.want)
		}
	}
	for op, n := range w.stands.State().Vendors["crm"].Calls {
		if !strings.HasPrefix(op, "GET ") && n > 0 {
			t.Errorf("got %d calls of %s, want none that change anything", n, op)
		}
	}
}
