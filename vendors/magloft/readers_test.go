package magloft_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

// readersStand is a Readers adapter at a stand-in of its own, with one reader.
func readersStand(t *testing.T) (*magloft.Readers, vendortest.Server, vendors.Account) {
	t.Helper()
	a, s := stand(t, magloft.ModeReaders, sandbox.Switches{})
	return a.(*magloft.Readers), s, add(t.Context(), t, a, magloft.ModeReaders, "ada+x@example.org")
}

func enrollment(acc vendors.Account, course, from, to string) vendors.Enrollment {
	return vendors.Enrollment{
		Origin: origin, UserID: "u1", Account: acc, Course: vendors.Course{ID: course, Ours: "go-101"}, StartsOn: from, EndsOn: to,
	}
}

// subscription returns ada's subscription.
func subscription(t *testing.T, a *magloft.Readers) magloft.Subscription {
	t.Helper()
	s, err := a.API().SubscriptionByEmail(t.Context(), "ada+x@example.org")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEnrollDays(t *testing.T) {
	tests := map[string]struct {
		enrollments []([3]string) // course, from, to
		from, to    string
	}{
		"the event's day":           {[][3]string{{"subscription", "", ""}}, "2026-03-01", ""},
		"days of the event's data":  {[][3]string{{"subscription", "2026-04-01", "2026-05-01"}}, "2026-04-01", "2026-05-01"},
		"a plain one is renewed":    {[][3]string{{"subscription", "2026-01-01", "2026-05-01"}, {"subscription", "2026-04-01", "2026-06-01"}}, "2026-04-01", "2026-06-01"},
		"a course does not shorten": {[][3]string{{"7", "2026-01-01", "2026-09-01"}, {"8", "2026-04-01", "2026-05-01"}}, "2026-01-01", "2026-09-01"},
		"a course lengthens":        {[][3]string{{"7", "2026-02-01", "2026-04-01"}, {"8", "2026-01-01", "2026-05-01"}}, "2026-01-01", "2026-05-01"},
		"an open end stays open":    {[][3]string{{"7", "2026-02-01", ""}, {"8", "2026-03-01", "2026-05-01"}}, "2026-02-01", ""},
		"a later one does not cut":  {[][3]string{{"7", "2026-01-01", "2026-03-31"}, {"8", "2026-04-01", "2026-05-01"}}, "2026-01-01", "2026-05-01"},
		"an ended one begins anew":  {[][3]string{{"7", "2025-01-01", "2025-02-01"}, {"8", "2026-04-01", "2026-05-01"}}, "2026-04-01", "2026-05-01"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, _, acc := readersStand(t)
			for _, e := range test.enrollments {
				if err := a.Enroll(t.Context(), enrollment(acc, e[0], e[1], e[2])); err != nil {
					t.Fatal(err)
				}
			}
			if s := subscription(t, a); !s.Active || s.StartDate != test.from || s.EndDate != test.to {
				t.Errorf("got %+v, want active from %s to %q", s, test.from, test.to)
			}
		})
	}
}

func TestEnrollKeepsOtherCourses(t *testing.T) {
	a, s, acc := readersStand(t)
	for _, course := range []string{"7", "9", "7", "subscription"} {
		if err := a.Enroll(t.Context(), enrollment(acc, course, "", "")); err != nil {
			t.Fatal(err)
		}
	}
	state := s.State("magloft")
	got := []string{}
	for _, e := range state.Enrollments {
		got = append(got, e.CourseID)
	}
	if strings.Join(got, " ") != "subscription 7 9" || len(state.EnrolledTwice()) != 0 {
		t.Errorf("got %v, want subscription 7 9", got)
	}
	if n := len(state.Users); n != 1 {
		t.Errorf("got %d readers, want 1", n)
	}
}

func TestEnrollNeverMakesAReader(t *testing.T) {
	a, s, acc := readersStand(t)
	e := enrollment(acc, "subscription", "", "")
	e.Email = "ada.new@example.org" // MagLoft has the old one
	if err := a.Enroll(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if users := s.State("magloft").Users; len(users) != 1 {
		t.Errorf("got %+v, want one reader", users)
	}
}

func TestEnrollAfterLostAnswers(t *testing.T) {
	a, s, acc := readersStand(t)
	lost := sandbox.Fault{Kind: sandbox.DropAfter, On: "POST /custom_subscriptions/{app}"}
	if err := s.Box.Next("magloft", lost, lost); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Enroll(t.Context(), enrollment(acc, "7", "", "")); !vendors.IsUnanswered(err) {
			t.Fatalf("got %v, want that there was no answer: the upsert may land later", err)
		}
	}
	if err := a.Enroll(t.Context(), enrollment(acc, "7", "", "")); err != nil {
		t.Errorf("got %v, want the upsert to be made again", err)
	}
	if twice := s.State("magloft").EnrolledTwice(); len(twice) != 0 {
		t.Errorf("got %+v twice", twice)
	}
}

func TestRefusals(t *testing.T) {
	a, _, acc := readersStand(t)
	tests := map[string]struct {
		enrollment vendors.Enrollment
		says       string
	}{
		"course in words":  {enrollment(acc, "go", "", ""), "classification"},
		"course below 1":   {enrollment(acc, "-7", "", ""), "classification"},
		"no such reader":   {enrollment(vendors.Account{ID: "99"}, "7", "", ""), "no such reader"},
		"account in words": {enrollment(vendors.Account{ID: "ada"}, "7", "", ""), "not a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for op, do := range map[string]func(context.Context, vendors.Enrollment) error{"enroll": a.Enroll, "unenroll": a.Unenroll} {
				if op == "unenroll" && test.says == "no such reader" {
					continue // who is not there is in no course
				}
				err := do(t.Context(), test.enrollment)
				if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), test.says) {
					t.Errorf("%s: got %v, want a permanent error that says %q", op, err, test.says)
				}
			}
		})
	}
}

func TestDeleteEndsTheSubscription(t *testing.T) {
	a, s, acc := readersStand(t)
	if err := a.Enroll(t.Context(), enrollment(acc, "7", "", "")); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(t.Context(), origin, acc); err != nil {
		t.Fatal(err)
	}
	state := s.State("magloft")
	if n := state.Calls["PUT /custom_subscriptions/{app}/{key}"]; n != 1 {
		t.Errorf("got %d updates of the subscription, want 1", n)
	}
	for _, e := range state.Enrollments {
		if e.Active {
			t.Errorf("got %+v, want it to be inactive", e)
		}
	}
	if len(state.Live()) != 0 {
		t.Errorf("got %+v, want nobody", state.Live())
	}
}

// suffixed serves readers like a server that takes the end of an e-mail in a
// path for a format: the look-up finds nobody, the pages do.
func suffixed(t *testing.T, lookUp func(w http.ResponseWriter), filters bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusUnprocessableEntity)
		case !strings.Contains(r.URL.Path, "/page/"):
			lookUp(w)
		case r.URL.Query().Get("filter") != "" && !filters:
			w.WriteHeader(http.StatusBadRequest)
		default:
			fmt.Fprint(w, `{"total":2,"page":1,"records":[{"id":6,"email":"ada@example.org.uk"},{"id":7,"email":"ada@example.org"}]}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestFindFallsBackToThePages(t *testing.T) {
	gone := func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }
	other := func(w http.ResponseWriter) { fmt.Fprint(w, `{"id":6,"email":"ada@example.org.uk"}`) }
	tests := map[string]string{
		"look-up finds nobody":       suffixed(t, gone, true),
		"look-up finds another":      suffixed(t, other, true),
		"filter is not taken either": suffixed(t, gone, false),
	}
	for name, url := range tests {
		t.Run(name, func(t *testing.T) {
			a := adapter(t, config(url, magloft.ModeReaders))
			u := vendors.User{ID: "u1", Email: "ada@example.org"}
			if got, err := a.Find(t.Context(), u); err != nil || got.ID != "7" {
				t.Errorf("find: got %v, %v, want 7", got, err)
			}
			if got, err := a.Create(t.Context(), origin, u); err != nil || got.ID != "7" {
				t.Errorf("create: got %v, %v, want 7", got, err)
			}
		})
	}
}
