package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
)

// changingPorts calls every port of an adapter that changes something, for an account that seed
// has made. moved is the next e-mail of the user.
func changingPorts(ctx context.Context, adapter vendors.Adapter, found vendors.Account, u vendors.User) map[string]error {
	const moved = "ada2@example.org"
	from, errs := vendors.Origin{Key: strings.Repeat("0", 32)}, map[string]error{}
	enrollment := enrollmentIn("1", found, u)
	if p, ok := vendors.Port[vendors.Provisioner](adapter); ok {
		_, errs["create"] = p.Create(ctx, from, vendors.User{ID: "new", Email: "new@example.org"})
	}
	if p, ok := vendors.Port[vendors.Updater](adapter); ok {
		errs["update"] = p.Update(ctx, from, found, vendors.User{ID: u.ID, Email: moved, FirstName: "Ada", LastName: "K"})
	}
	if p, ok := vendors.Port[vendors.Restorer](adapter); ok {
		_, errs["restore"] = p.Restore(ctx, from, vendors.Account{Email: "gone@example.org"}, vendors.User{ID: "gone", Email: "gone@example.org"})
	}
	if p, ok := vendors.Port[vendors.Enroller](adapter); ok {
		errs["enroll"] = p.Enroll(ctx, enrollment)
	}
	if p, ok := vendors.Port[vendors.Unenroller](adapter); ok {
		errs["unenroll"] = p.Unenroll(ctx, enrollmentIn("2", found, u))
	}
	if p, ok := vendors.Port[vendors.Disabler](adapter); ok {
		errs["disable"] = p.Disable(ctx, from, found)
		_ = p.Enable(ctx, from, found) // a read-only Disable leaves nothing to enable
	}
	if p, ok := vendors.Port[vendors.Tracker](adapter); ok {
		errs["track"] = p.Track(ctx, vendors.Activity{Origin: from, UserID: u.ID, Name: "login"})
	}
	if p, ok := vendors.Port[vendors.Deprovisioner](adapter); ok {
		errs["delete"] = p.Delete(ctx, from, found)
	}
	return errs
}

// enrollmentIn is the enrolment of an account in a course.
func enrollmentIn(course string, found vendors.Account, u vendors.User) vendors.Enrollment {
	return vendors.Enrollment{UserID: u.ID, Account: found, Email: u.Email, Course: vendors.Course{ID: course, Ours: "c" + course}}
}

// Every changing port of every vendor is tried on an adapter that only reads.
func TestShadowChangesNothingAtAnyVendor(t *testing.T) {
	t.Parallel()
	for _, modes := range [][]string{{"USHER_MEIRO_MODE=operators", "USHER_MAGLOFT_MODE=clients"}, {"USHER_MEIRO_MODE=customers", "USHER_MAGLOFT_MODE=readers"}} {
		stands, err := sandbox.New(sandbox.Config{}.With("scim"))
		if err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(stands.Handler())
		t.Cleanup(web.Close)
		environ := append(stands.Environ(strings.TrimPrefix(web.URL, "http://")), modes...)
		live, shadow := adapters(t, environ, ""), adapters(t, environ, config.Shadow)
		u := vendors.User{ID: "ada", Email: "ada@example.org", FirstName: "Ada", LastName: "L"}
		for name := range live {
			found := seed(t, live[name], u)
			before := fmt.Sprint(written(stands, name))
			tried := changingPorts(t.Context(), shadow[name], found, u)
			for port, err := range tried {
				if !errors.Is(err, vendors.ErrReadOnly) || vendors.IsUnknown(err) || vendors.ClassOf(err) != vendors.Permanent {
					t.Errorf("%s %v: %s: got %v, want %v", name, modes, port, err, vendors.ErrReadOnly)
				}
			}
			if after := fmt.Sprint(written(stands, name)); after != before || len(tried) == 0 {
				t.Errorf("%s: changed from %s to %s, after %d ports", name, before, after, len(tried))
			}
			for port, err := range changingPorts(t.Context(), live[name], found, u) {
				if errors.Is(err, vendors.ErrReadOnly) {
					t.Errorf("%s: %s: the adapter of a live vendor only reads", name, port)
				}
			}
		}
	}
}

// adapters returns the adapters of all vendors in a mode, by name.
func adapters(t *testing.T, environ []string, mode config.Mode) map[string]vendors.Adapter {
	t.Helper()
	c, err := config.Load(config.Sources{Environ: environ, Vendors: catalog().Sections()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Vendors {
		c.Vendors[i].Rules.Mode = mode
	}
	out := map[string]vendors.Adapter{}
	for _, v := range catalog().With(&c) {
		if out[v.Name], err = v.Adapter(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// seed creates an account at a vendor, and another account that is deleted again.
func seed(t *testing.T, adapter vendors.Adapter, u vendors.User) vendors.Account {
	t.Helper()
	p, ok := vendors.Port[vendors.Provisioner](adapter)
	if !ok {
		return vendors.Account{}
	}
	found, err := p.Create(t.Context(), vendors.Origin{}, u)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := p.Create(t.Context(), vendors.Origin{}, vendors.User{ID: "gone", Email: "gone@example.org", FirstName: "G"})
	if d, ok := vendors.Port[vendors.Deprovisioner](adapter); ok && err == nil {
		err = d.Delete(t.Context(), vendors.Origin{}, gone)
	}
	if err != nil {
		t.Fatal(err)
	}
	found.Email = u.Email
	if e, ok := vendors.Port[vendors.Enroller](adapter); ok {
		if err := e.Enroll(t.Context(), enrollmentIn("2", found, u)); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// written returns the data of a stand-in, and the calls that may change something.
func written(stands *sandbox.Sandbox, vendor string) (sandbox.VendorState, map[string]int) {
	s := stands.State().Vendors[vendor]
	calls := map[string]int{}
	for op, n := range s.Calls {
		if !strings.HasPrefix(op, "GET ") && !strings.Contains(op, "login") {
			calls[op] = n
		}
	}
	s.Calls = nil
	return s, calls
}

func TestMayLeavesOtherChangesOut(t *testing.T) {
	w := newSchools(t, ", may: [create, enroll]")
	w.serve()
	w.feedAll(user("ada"), cloudEvent(events.EnrollmentRequested, "e", `{"user_id":"ada","course_id":"both"}`))
	done := map[string]string{"school1": events.Done, "school2": events.Done}
	w.expect("e", done)
	w.feedAll(cloudEvent(events.UserUpdated, "u", `{"user_id":"ada","email":"ada2@example.org","first_name":"Ada"}`),
		cloudEvent(events.EnrollmentCancelled, "x", `{"user_id":"ada","course_id":"both"}`), cloudEvent(events.UserDeleted, "d", `{"user_id":"ada"}`))
	skipped := map[string]string{"school1": events.Done, "school2": events.Skipped}
	for _, id := range []string{"u", "x", "d"} {
		w.expect(id, skipped)
	}
	if out := w.must("results", "--outcome", "skipped"); strings.Count(out, "may: ") != 3 || !strings.Contains(out, "may: unenroll") {
		t.Errorf("got\n%s", out)
	}
	state := w.stands.State().Vendors["school2"]
	if len(state.Live()) != 1 || state.Users[0].Updates != 0 || !state.Enrollments[0].Active {
		t.Errorf("got %+v", state)
	}
	// The record still holds the account: the change is possible once it is allowed.
	w.end()
	w.rules("")
	w.serve()
	w.feedAll(cloudEvent(events.UserDeleted, "d2", `{"user_id":"ada"}`))
	w.expect("d2", map[string]string{"school1": events.AlreadyDone, "school2": events.Done})
	w.end()
}

func TestShadowThenLive(t *testing.T) {
	w := newSchools(t, ", mode: shadow")
	w.serve()
	lines := []string{
		user("ada"), cloudEvent(events.EnrollmentRequested, "e", `{"user_id":"ada","course_id":"both"}`),
		cloudEvent(events.UserUpdated, "u", `{"user_id":"ada","email":"ada@example.org","first_name":"Ada"}`),
		cloudEvent(events.UserDeleted, "d", `{"user_id":"bob"}`),
	}
	w.feedAll(lines...)
	for _, id := range []string{"c-ada", "e", "u"} {
		w.expect(id, map[string]string{"school1": events.Done, "school2": events.Skipped})
	}
	if out := w.must("results", "--outcome", "skipped"); !strings.Contains(out, "shadow: create") || !strings.Contains(out, "shadow: enroll") || !strings.Contains(out, "shadow: update") {
		t.Errorf("got\n%s", out)
	}
	if out := w.must("vendors", "check", "school2"); !strings.Contains(out, "ok") {
		t.Errorf("vendors check: %s", out)
	}
	if w.users("school2") != 0 || w.stands.State().Vendors["school2"].Calls["GET /users"] == 0 {
		t.Errorf("got %+v, want look-ups only", w.stands.State().Vendors["school2"])
	}
	w.end()
	w.rules("")
	w.serve()
	w.feedAll(cloudEvent(events.UserCreated, "again", `{"user_id":"ada","email":"ada@example.org"}`))
	w.expect("again", map[string]string{"school1": events.AlreadyDone, "school2": events.Done})
	if w.users("school2") != 1 {
		t.Error("going live did not provision")
	}
	w.end()
	const removed = "school2 is not in the configuration any more: its records, consumers and 0 dead letters are still stored"
	if out, _ := w.try("status"); strings.Contains(out, removed) {
		t.Errorf("got %s", out)
	}
	if err := os.WriteFile(w.file, []byte("vendors: {school1: {kind: miestro}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := w.try("status"); !strings.Contains(out, removed) {
		t.Errorf("got %s, want %s", out, removed)
	}
}

func TestOnDeleteKeep(t *testing.T) {
	w := newSchools(t, ", on_delete: keep")
	w.serve()
	w.feedAll(user("ada"), cloudEvent(events.UserDeleted, "d", `{"user_id":"ada"}`))
	w.expect("d", map[string]string{"school1": events.Done, "school2": events.Skipped})
	w.feedAll(cloudEvent(events.UserUpdated, "u", `{"user_id":"ada","email":"ada@example.org","first_name":"Ada"}`),
		cloudEvent(events.UserCreated, "back", `{"user_id":"ada","email":"ada@example.org"}`))
	w.expect("back", map[string]string{"school1": events.Done, "school2": events.AlreadyDone})
	w.expect("u", map[string]string{"school1": events.Superseded, "school2": events.Done})
	if out := w.must("results", "--vendor", "school2"); !strings.Contains(out, "\ton_delete: delete") || !strings.Contains(out, "\tcreated") {
		t.Errorf("got\n%s", out)
	}
	if w.users("school2") != 1 || w.users("school1") != 2 {
		t.Errorf("got %d and %d accounts, want 1 kept, and one deleted and one new", w.users("school2"), w.users("school1"))
	}
	w.end()
}

func TestModeOff(t *testing.T) {
	w := newSchools(t, ", mode: off")
	w.serve()
	w.feedAll(user("ada"))
	w.expect("c-ada", map[string]string{"school1": events.Done})
	if out := w.must("config", "check"); !strings.Contains(out, "school2\toff\tvendors.school2.mode is off") {
		t.Errorf("config check: %s", out)
	}
	if out := w.must("vendors", "check"); !strings.Contains(out, "vendors.school2.mode is off") {
		t.Errorf("vendors check: %s", out)
	}
	w.end()
}

// A start counts at the first start ever. Events from before are passed over, by activity too;
// events sent while no process runs are not.
func TestStartPassesOverWhatIsStored(t *testing.T) {
	for start, passed := range map[string]int{"now": 2, "2020-01-01T00:00:00Z": 0} {
		t.Run(start, func(t *testing.T) {
			w := newSchools(t, ", mode: off")
			w.serve()
			w.feedAll(user("old1"), user("old2"))
			w.expect("c-old2", map[string]string{"school1": events.Done})
			w.end()
			w.rules(", start: " + start)
			w.serve()
			if passed > 0 { // the vendor begins when it is opened
				w.waitLog("start counts at the first start only", 1)
			}
			w.feedAll(user("new1"))
			w.expect("c-new1", map[string]string{"school1": events.Done, "school2": events.Done})
			w.end()
			w.feedAll(user("new2"))
			w.serve()
			w.expect("c-new2", map[string]string{"school1": events.Done, "school2": events.Done})
			if got, want := w.users("school2"), 4-passed; got != want {
				t.Errorf("got %d accounts, want %d", got, want)
			}
			w.end()
		})
	}
}
