package magloft_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/sandbox"
)

// inCourses returns the courses that MagLoft shows somebody to be in.
func inCourses(state sandbox.VendorState) string {
	in := []string{}
	for _, e := range state.Enrollments {
		if e.Active {
			in = append(in, e.CourseID)
		}
	}
	return strings.Join(in, " ")
}

func TestUnenroll(t *testing.T) {
	tests := map[string]struct {
		enrolled []string // one after the other
		cancel   []string // likewise
		want     string
	}{
		"a course":                       {[]string{"7"}, []string{"7"}, "subscription"},
		"one of several":                 {[]string{"7", "8", "9"}, []string{"8"}, "subscription 7 9"},
		"twice":                          {[]string{"7", "8"}, []string{"8", "8"}, "subscription 7"},
		"what was never there":           {[]string{"7"}, []string{"8"}, "subscription 7"},
		"without any subscription":       {nil, []string{"8", "subscription"}, ""},
		"the subscription":               {[]string{"subscription"}, []string{"subscription", "subscription"}, ""},
		"the subscription of courses":    {[]string{"7", "8"}, []string{"subscription"}, ""},
		"a course after it":              {[]string{"7", "8"}, []string{"subscription", "7"}, ""},
		"a course, then the last of all": {[]string{"7", "8"}, []string{"8", "subscription"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, s, acc := readersStand(t)
			for _, course := range test.enrolled {
				if err := a.Enroll(t.Context(), enrollment(acc, course, "", "")); err != nil {
					t.Fatal(err)
				}
			}
			for _, course := range test.cancel {
				if err := a.Unenroll(t.Context(), enrollment(acc, course, "", "")); err != nil {
					t.Fatal(err)
				}
			}
			if got := inCourses(s.State("magloft")); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestUnenrollDoesNotComeBack is about an inactive subscription: the next enrolment
// makes it active again, and must not bring a cancelled course back with it.
func TestUnenrollDoesNotComeBack(t *testing.T) {
	a, s, acc := readersStand(t)
	steps := []error{
		a.Enroll(t.Context(), enrollment(acc, "7", "", "")), a.Unenroll(t.Context(), enrollment(acc, "subscription", "", "")),
		a.Unenroll(t.Context(), enrollment(acc, "7", "", "")), a.Enroll(t.Context(), enrollment(acc, "8", "", "")),
	}
	for i, err := range steps {
		if err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if got := inCourses(s.State("magloft")); got != "subscription 8" {
		t.Errorf("got %q, want subscription 8", got)
	}
}

func TestUnenrollKeepsTheDays(t *testing.T) {
	a, _, acc := readersStand(t)
	for _, course := range []string{"7", "8"} {
		if err := a.Enroll(t.Context(), enrollment(acc, course, "2026-01-01", "2026-09-01")); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Unenroll(t.Context(), enrollment(acc, "8", "2027-01-01", "2027-02-01")); err != nil {
		t.Fatal(err)
	}
	if s := subscription(t, a); !s.Active || s.StartDate != "2026-01-01" || s.EndDate != "2026-09-01" {
		t.Errorf("got %+v, want it active, with the days as they were", s)
	}
}

// TestUnenrollWithoutASubscription is about a reader who has a classification by
// hand: no subscription must come of taking it away.
func TestUnenrollWithoutASubscription(t *testing.T) {
	a, s, acc := readersStand(t)
	if err := a.API().UpdateReader(t.Context(), 1, magloft.ReaderFields{ClassificationIDs: []int{7, 8}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Unenroll(t.Context(), enrollment(acc, "7", "", "")); err != nil {
		t.Fatal(err)
	}
	r, err := a.API().ReaderByID(t.Context(), 1)
	if err != nil || !slices.Equal(r.ClassificationIDs, []vendors.Int{8}) {
		t.Errorf("got %+v, %v, want classification 8", r, err)
	}
	if got := s.State("magloft").Enrollments; len(got) != 0 {
		t.Errorf("got %+v, want no subscription", got)
	}
}

// TestUnenrollWhereNothingIsTakenAway is about a vendor that adds what it is sent.
func TestUnenrollWhereNothingIsTakenAway(t *testing.T) {
	a, _ := stand(t, magloft.ModeReaders, sandbox.Switches{Classifications: "add"})
	readers, acc := a.(*magloft.Readers), add(t.Context(), t, a, magloft.ModeReaders, "ada+x@example.org")
	for _, course := range []string{"7", "8"} {
		if err := readers.Enroll(t.Context(), enrollment(acc, course, "", "")); err != nil {
			t.Fatal(err)
		}
	}
	err := readers.Unenroll(t.Context(), enrollment(acc, "8", "", ""))
	if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "keeps the classification") {
		t.Errorf("got %v, want a permanent error that says that it is still there", err)
	}
}

// TestUnenrollOfASubscriptionThatShowsThem is about subscriptions that hold the
// classifications themselves, which the document leaves open.
func TestUnenrollOfASubscriptionThatShowsThem(t *testing.T) {
	classes := `[7,8]`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			classes = `[7]`
		}
		if strings.Contains(r.URL.Path, "custom_subscriptions") {
			fmt.Fprintf(w, `{"id":3,"active":true,"reader":{"id":1,"email":"ada@example.org"},"classification_ids":%s}`, classes)
			return
		}
		fmt.Fprint(w, `{"id":1,"email":"ada@example.org"}`)
	}))
	defer server.Close()
	a := adapter(t, config(server.URL, magloft.ModeReaders)).(*magloft.Readers)
	if err := a.Unenroll(t.Context(), enrollment(vendors.Account{ID: "1"}, "8", "", "")); err != nil || classes != `[7]` {
		t.Errorf("got %v and classifications %s, want 8 gone", err, classes)
	}
}

func TestUnenrollOfNobody(t *testing.T) {
	a, s, acc := readersStand(t)
	if err := a.Delete(t.Context(), origin, acc); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{acc.ID, "99"} {
		if err := a.Unenroll(t.Context(), enrollment(vendors.Account{ID: id}, "7", "", "")); err != nil {
			t.Errorf("%s: got %v, want success: who is not there is in no course", id, err)
		}
	}
	if users := s.State("magloft").Users; len(users) != 1 {
		t.Errorf("got %+v, want no further reader", users)
	}
}

func TestUnenrollAfterAnotherEmail(t *testing.T) {
	a, s, acc := readersStand(t)
	steps := []error{
		a.Enroll(t.Context(), enrollment(acc, "7", "", "")),
		a.Update(t.Context(), origin, acc, vendors.User{Email: "king@example.org"}),
		a.Unenroll(t.Context(), enrollment(acc, "7", "", "")),
		a.Unenroll(t.Context(), enrollment(acc, "subscription", "", "")),
	}
	for i, err := range steps {
		if err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if state := s.State("magloft"); inCourses(state) != "" || len(state.Users) != 1 {
		t.Errorf("got %+v, want one reader without a course", state)
	}
}
