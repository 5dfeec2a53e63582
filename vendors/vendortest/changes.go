package vendortest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
)

// hiccup is a disturbance of the first write of a change.
type hiccup func(healthy http.Handler, w http.ResponseWriter, r *http.Request)

// hiccups are an answered call, a call with a lost response, and a lost call.
func hiccups() map[string]hiccup {
	return map[string]hiccup{
		"none": func(healthy http.Handler, w http.ResponseWriter, r *http.Request) { healthy.ServeHTTP(w, r) },
		"lost answer": func(healthy http.Handler, _ http.ResponseWriter, r *http.Request) {
			healthy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
		"lost call": func(http.Handler, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
}

// changes checks that updates, ends of enrolments and restorations have their effect in spite
// of a disturbed first call, and that a repeat changes nothing more, for all undocumented
// behaviour.
func (s Suite) changes(t *testing.T) {
	if s.FakeVendor != nil {
		return // other fake vendors keep no record of changes
	}
	switches := map[string]sandbox.Switches{
		"strict":  {RepeatUnenroll: "error", SecondDelete: "404", RepeatRestore: "404"},
		"gone":    {RepeatUnenroll: "404", SecondDelete: "404", RepeatRestore: "404", EmailPaths: "404", LeadShow: "404"},
		"lenient": {RepeatUnenroll: "ok", SecondDelete: "200", RepeatRestore: "200", LeadShow: "405"},
	}
	checks := map[string]func(*testing.T, environment){Update: s.updates, Unenroll: s.unenrolls, Restore: s.restores, Disable: s.disables}
	for answers, sw := range switches {
		for name, hic := range hiccups() {
			for port, check := range checks {
				Try(t, port+", "+answers+", "+name, func(t *testing.T) {
					on := s.environment(t, sw)
					on.stumble = func() { on.bench.stumble(hic) }
					if _, can := on.ports()[port]; can {
						check(t, on)
					}
				})
			}
		}
	}
}

// environment is a bench at the sandbox, behind the vendor's contract.
type environment struct {
	*bench
	state    func() sandbox.VendorState
	manually func(d sandbox.ManualAction, email string) error
	// stumble disturbs the next write.
	stumble func() // disturbs the next write
}

func (s Suite) environment(t *testing.T, sw sandbox.Switches) environment {
	t.Helper()
	fake, baseURL := s.kept(t, sw)
	return environment{
		bench: s.benchAt(t, vendors.Settings{BaseURL: baseURL, Timeout: patient}, fake), state: fake.State, manually: fake.ChangeManually,
	}
}

// stumble lets a hiccup befall the next write.
func (b *bench) stumble(hic hiccup) {
	var done atomic.Bool
	f := func(w http.ResponseWriter, r *http.Request) bool {
		if b.reads(r) || done.Swap(true) {
			return false
		}
		hic(b.healthy, w, r)
		return true
	}
	b.breakIt.Store(&f)
}

// twice makes a change and repeats the change.
func twice(t *testing.T, change func(context.Context) error) {
	t.Helper()
	for range 2 {
		if err := Answered(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
}

// Answered makes a change, and repeats the change without a response, like the core after the
// first request can no longer arrive.
func Answered(ctx context.Context, change func(context.Context) error) error {
	err := change(ctx)
	if vendors.IsUnanswered(err) {
		err = change(ctx)
	}
	return err
}

// held returns the account at the vendor.
func (on environment) held(t *testing.T) sandbox.User {
	t.Helper()
	users := on.state().Users
	for _, u := range users {
		if u.ID == on.account.ID {
			return u
		}
	}
	t.Fatalf("got %+v, want account %s there", users, on.account.ID)
	return sandbox.User{}
}

func (s Suite) updates(t *testing.T, on environment) {
	want := on.held(t)
	on.stumble()
	twice(t, on.ports()[Update])
	got := on.held(t)
	want.Email = on.changed.Email
	if want.Name != "" {
		want.Name = on.changed.FullName()
	}
	if want.Phone != "" {
		want.Phone = on.changed.Phone
	}
	want.Updates, want.Resets = got.Updates, got.Resets
	if got != want || got.Updates == 0 || len(on.state().Twins()) > 0 {
		t.Errorf("got %+v, want %+v, once", got, want)
	}
	partial := vendors.User{ID: person.ID, LastName: on.changed.LastName}
	if err := portOf[vendors.Updater](on.adapter).Update(t.Context(), later(2), on.shown(), partial); err != nil {
		t.Fatal(err)
	}
	if got := on.held(t); got.Email != want.Email || got.Phone != want.Phone {
		t.Errorf("got %+v after an update that says nothing of them, want e-mail and phone as they were", got)
	}
}

func (s Suite) unenrolls(t *testing.T, on environment) {
	on.stumble()
	twice(t, on.ports()[Unenroll])
	in := false
	for _, e := range on.state().Enrollments {
		if e.CourseID != on.course && e.CourseID != on.enrollment().Course.Ours {
			continue
		}
		in = true
		if e.Active || e.Ended == 0 {
			t.Errorf("got %+v, want it ended", e)
		}
	}
	if !in {
		t.Error("nobody was ever in the course")
	}
	if err := portOf[vendors.Enroller](on.adapter).Enroll(t.Context(), on.enrollment()); err != nil {
		t.Fatal(err)
	}
	if twice := on.state().EnrolledTwice(); len(twice) > 0 {
		t.Errorf("got %+v twice after a further enrolment", twice)
	}
}

func (s Suite) restores(t *testing.T, on environment) {
	known := on.shown()
	for n, account := range []vendors.Account{known, {}} { // by id, by e-mail
		if err := portOf[vendors.Deprovisioner](on.adapter).Delete(t.Context(), later(2*n+1), known); err != nil {
			t.Fatal(err)
		}
		if u := on.held(t); !u.Deleted {
			t.Fatalf("got %+v, want it deleted", u)
		}
		on.stumble()
		for range 2 {
			var got vendors.Account
			err := Answered(t.Context(), func(ctx context.Context) (err error) {
				got, err = portOf[vendors.Restorer](on.adapter).Restore(ctx, later(2*n+2), account, person)
				return err
			})
			if err != nil || got.ID != known.ID {
				t.Fatalf("of %+v: got %v, %v, want %s", account, got, err, known.ID)
			}
		}
		if u := on.held(t); u.Deleted || u.Restores == 0 || len(on.state().Twins()) > 0 {
			t.Errorf("of %+v: got %+v, want it there, and once", account, u)
		}
	}
}

// disables checks that a disabled account has no access, and is the same account once enabled.
func (s Suite) disables(t *testing.T, on environment) {
	on.stumble()
	twice(t, on.ports()[Disable])
	if got := on.held(t); !got.Deleted && len(active(on.state())) > 0 {
		t.Errorf("got %+v, with access, want the account disabled", got)
	}
	on.stumble()
	twice(t, on.ports()[Enable])
	if got := on.held(t); got.Deleted || got.ID != on.account.ID || len(on.state().Twins()) > 0 {
		t.Errorf("got %+v, want the same account again, once", got)
	}
}

// active returns the enrolments in force.
func active(s sandbox.VendorState) []sandbox.Enrollment {
	return slices.DeleteFunc(slices.Clone(s.Enrollments), func(e sandbox.Enrollment) bool { return !e.Active })
}

// staff checks that staff is never deleted or updated.
func (s Suite) staff(t *testing.T) {
	if s.keeps() {
		synctest.Test(t, s.spares)
	}
}

// spares checks that every staff member is kept.
func (s Suite) spares(t *testing.T) {
	on := s.environment(t, sandbox.Switches{})
	if _, ok := vendors.Port[vendors.Lister](on.adapter); !ok {
		return // users known by events are never staff
	}
	if err := on.manually(sandbox.AddStaff, "teacher@example.org"); err != nil {
		t.Fatal(err)
	}
	before := on.state().Users
	for _, u := range before {
		if u.Staff {
			s.spared(t, on.bench, vendors.Account{ID: u.ID, Email: u.Email})
		}
	}
	if diff := cmp.Diff(before, on.state().Users); diff != "" {
		t.Errorf("what the vendor holds has changed (-before +after)\n%s", diff)
	}
}

// spared checks that changes of the account are permanent errors.
func (s Suite) spared(t *testing.T, b *bench, account vendors.Account) {
	t.Helper()
	results := map[string]error{Delete: portOf[vendors.Deprovisioner](b.adapter).Delete(t.Context(), origin, account)}
	if p, ok := vendors.Port[vendors.Updater](b.adapter); ok {
		results[Update] = p.Update(t.Context(), origin, account, b.changed)
	}
	if p, ok := vendors.Port[vendors.Disabler](b.adapter); ok {
		results[Disable] = p.Disable(t.Context(), origin, account)
	}
	for port, err := range results {
		s.silent(t, err)
		if err == nil || vendors.ClassOf(err) != vendors.Permanent {
			t.Errorf("%s: got %v, want a permanent error", port, err)
		}
	}
}
