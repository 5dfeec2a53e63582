package twins_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

// journey has all changes and all reads of one account, by port. A port that the adapter lacks is
// left out.
func journey(t *testing.T, a vendors.Adapter, course string) map[string]error {
	t.Helper()
	ctx, did := t.Context(), map[string]error{"check": a.Check(t.Context())}
	origin := vendors.Origin{Key: "0123456789abcdef0123456789abcdef", At: time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)}
	later := vendors.Origin{Key: "1123456789abcdef0123456789abcdef", At: origin.At.Add(time.Hour)}
	u := vendors.User{
		ID: "user-1", Email: "augusta+king@example.org", FirstName: "Augusta", LastName: "King", Locale: "en-US", TimeZone: "Europe/Berlin",
		Phone: "+49 30 5550199", Attributes: []byte(`{"plan":"pro"}`),
	}
	account := vendors.Account{ID: u.ID}
	var err error
	if p, ok := vendors.Port[vendors.Provisioner](a); ok {
		_, did["find"] = p.Find(ctx, u)
		if errors.Is(did["find"], vendors.ErrNotFound) {
			did["find"] = nil
		}
		account, did["create"] = p.Create(ctx, origin, u)
	}
	account.Email = u.Email
	enrollment := vendors.Enrollment{
		Origin: origin, UserID: u.ID, Account: account, Email: u.Email, Course: vendors.Course{ID: course, Ours: "go-basics"}, StartsOn: "2026-03-02", EndsOn: "2026-04-01",
	}
	if p, ok := vendors.Port[vendors.Enroller](a); ok {
		did["enroll"] = p.Enroll(ctx, enrollment)
	}
	if p, ok := vendors.Port[vendors.EnrollmentReader](a); ok {
		in, err := p.Enrolled(ctx, account, enrollment.Course)
		if did["enrolled"] = err; err == nil && !in {
			did["enrolled"] = errors.New("the account is not in the course")
		}
	}
	if p, ok := vendors.Port[vendors.Unenroller](a); ok {
		enrollment.Origin = later
		did["unenroll"] = p.Unenroll(ctx, enrollment)
	}
	if p, ok := vendors.Port[vendors.Tracker](a); ok {
		did["track"] = p.Track(ctx, vendors.Activity{Origin: later, UserID: u.ID, Name: "lesson_completed", At: later.At, Properties: []byte(`{"n":1}`)})
	}
	if p, ok := vendors.Port[vendors.Updater](a); ok {
		did["update"] = p.Update(ctx, later, account, vendors.User{ID: u.ID, Email: u.Email, FirstName: "Ada", LastName: "King"})
	}
	if p, ok := vendors.Port[vendors.Lister](a); ok {
		did["list"] = p.List(ctx, func(vendors.Listed) error { return nil })
		_, did["show"] = p.Show(ctx, account)
	}
	if p, ok := vendors.Port[vendors.CourseLister](a); ok {
		did["courses"] = p.ListCourses(ctx, func(vendors.ListedCourse) error { return nil })
	}
	if p, ok := vendors.Port[vendors.Disabler](a); ok {
		did["disable"], err = p.Disable(ctx, later, account), p.Enable(ctx, later, account)
		did["enable"] = err
	}
	if p, ok := vendors.Port[vendors.Deprovisioner](a); ok {
		did["delete"] = p.Delete(ctx, later, account)
	}
	if p, ok := vendors.Port[vendors.Restorer](a); ok {
		_, did["restore"] = p.Restore(ctx, later, account, u)
	}
	return did
}

// The calls of each file, and the answers of the stand-in, keep to the OpenAPI document of the vendor:
// a violation fails the test.
func TestContracts(t *testing.T) {
	for _, name := range []string{"miestro", "meiro", "meirocustomers", "lead", "magloft", "usermost", "canvas", "xapi"} {
		t.Run(name, func(t *testing.T) {
			d := all()[name]
			stand := vendortest.Serve(t, d.suite.Name, sandbox.Config{})
			s := vendors.Settings{BaseURL: stand.URL, HTTP: stand.HTTP, Timeout: time.Minute}
			if name == "meirocustomers" {
				s.BaseURL += "/collect/usher"
			}
			a, err := open(file(t, d.path), d.settings, s)
			if err != nil {
				t.Fatal(err)
			}
			for port, err := range journey(t, a, d.suite.Course) {
				if err != nil {
					t.Errorf("%s: %v", port, err)
				}
			}
			// The documents of the shipped files have no other calls.
			if untried := stand.Contract.Untried(); strings.HasPrefix(d.path, shipped) && len(untried) > 0 {
				t.Errorf("the file does not make %v", untried)
			}
		})
	}
}
