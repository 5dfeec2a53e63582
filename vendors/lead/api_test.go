package lead_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func config(url string) lead.Config {
	return lead.Config{
		Settings: vendors.Settings{BaseURL: url, Timeout: time.Minute},
		Email:    sandbox.LeadEmail, Password: sandbox.LeadPassword, EnrollPath: sandbox.LeadEnrollPath,
		UnenrollPath: sandbox.LeadUnenrollPath, Update: lead.UpdateResetPassword,
	}
}

// at is a configuration for the stand-in.
func configOf(stand vendortest.Server) lead.Config {
	c := config(stand.URL)
	c.HTTP = stand.HTTP
	return c
}

func fields(email string) lead.Fields {
	return lead.Fields{
		Email: email, Password: "one", Role: lead.RoleLearner, FirstName: "Ada", LastName: "Example",
		Language: lead.LanguageEnglish, TimeZone: "Europe/Berlin",
	}
}

func TestEveryUserCallKeepsToTheDocument(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	api := lead.NewAPI(configOf(stand))
	ctx := t.Context()
	yes := true
	full := fields("ada+1@example.org")
	full.Salutation = "Dr"
	full.Suffix = "Jr"
	full.Phone = "+15550100"
	full.ProfilePicture = "https://example.org/ada.png"
	full.StackablePersonID = 144
	full.VirtusID = 7
	full.StripeCustomerID = "cus_1"
	full.EnrolledInAcademy = &yes
	full.SMSOptIn = &yes
	full.DisableNotifications = &yes
	full.LearnerPlaceIDs, full.LocalLeaderPlaceIDs = []int{1, 2}, []int{3}
	full.Address, full.Metas = &lead.Address{City: "Berlin"}, []lead.Meta{{Slug: "x", Name: "X", Value: "1"}}
	made, err := api.CreateUser(ctx, full)
	if err != nil || made.ID <= 0 || !bool(made.DisableNotifications) || made.CreatedAt.IsZero() || made.Phone != full.Phone {
		t.Fatalf("got %+v, %v, want the user", made, err)
	}
	id := int(made.ID)
	full.FirstName = "Augusta"
	if got, err := api.UpdateUser(ctx, id, full); err != nil || got.FirstName != "Augusta" || len(got.Metas) != 1 {
		t.Errorf("update: got %+v, %v, want the new name and its metas", got, err)
	}
	if got, err := api.LookUpUser(ctx, lead.LookupDashed, full.Email); err != nil || got.ID != made.ID {
		t.Errorf("look-up: got %+v, %v, want the user", got, err)
	}
	if _, err := api.LookUpUser(ctx, lead.LookupSlashed, full.Email); !vendors.IsGone(err) {
		t.Errorf("look-up on the path that is not there: got %v, want 404", err)
	}
	if got, err := api.GuessUser(ctx, id); err != nil || got.Role != lead.RoleLearner {
		t.Errorf("show: got %+v, %v, want a learner", got, err)
	}
	if got, err := api.ListUsers(ctx, 1); err != nil || got.Total != 2 || len(got.Users) != 2 || got.LastPage != 1 || got.PerPage != 25 {
		t.Errorf("list: got %+v, %v, want both users", got, err)
	}
	if err := api.EnrollBy(ctx, sandbox.LeadEnrollPath, id, 7); err != nil {
		t.Error(err)
	}
	reads(t, api, id)
	if err := api.UnenrollBy(ctx, sandbox.LeadUnenrollPath, id, 7); err != nil {
		t.Error(err)
	}
	if got, err := api.DeleteUser(ctx, id); err != nil || got != "User deleted" {
		t.Errorf("delete: got %q, %v", got, err)
	}
	if got, err := api.RevokeTokensByGETWithSideEffect(ctx, 1); err != nil || got != "Tokens revoked" {
		t.Errorf("revoke: got %q, %v", got, err)
	}
	if got := stand.Contract.Untried(); len(got) != 0 {
		t.Errorf("calls that no test made: %v", got)
	}
}

// reads makes the calls that read what a user learns.
func reads(t *testing.T, api *lead.API, id int) {
	t.Helper()
	ctx := t.Context()
	if got, err := api.UserCourses(ctx, id); err != nil || len(got) != 1 || got[0].ID != 7 || int(got[0].Pivot.UserID) != id {
		t.Errorf("courses: got %+v, %v, want course 7", got, err)
	}
	if got, err := api.UserAssignments(ctx, id); err != nil || len(got) != 1 || got[0].StatusLabel != "Submitted" {
		t.Errorf("assignments: got %+v, %v", got, err)
	}
	if got, err := api.UserCourseContainers(ctx, id); err != nil || len(got) != 1 || got[0].InstructorID != 86 {
		t.Errorf("course containers: got %+v, %v", got, err)
	}
	if got, err := api.UserGroups(ctx, id); err != nil || len(got) != 1 || !bool(got[0].Pivot.IsMember) {
		t.Errorf("groups: got %+v, %v", got, err)
	}
	if got, err := api.UserTerms(ctx, id); err != nil || len(got) != 1 || got[0].Pivot.EndDate.Year() != 2022 {
		t.Errorf("terms: got %+v, %v", got, err)
	}
}

// talking serves LEAD's log-in, and answer for all else.
func talking(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			_, _ = fmt.Fprint(w, `{"access_token":"4|abcdef","token_type":"Bearer"}`)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAnswersAreReadLeniently(t *testing.T) {
	t.Parallel()
	url := talking(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/terms") {
			_, _ = fmt.Fprint(w, `{"terms":[{"id":"5","has_ended":1}]}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"user":{"id":"8783","email":"a@example.org","sms_opt_in":true,"disable_notifications":"1",
			"last_login":"2023-08-28 19:08:08","created_at":"2020-02-18T02:17:55.000000Z","deleted_at":null,"virtus_id":null,"phone":null,"email_verification_redirect":{"to":7}}}`)
	})
	api := lead.NewAPI(config(url))
	u, err := api.LookUpUser(t.Context(), lead.LookupDashed, "a@example.org")
	if err != nil || u.ID != 8783 || !bool(u.SMSOptIn) || !bool(u.DisableNotifications) || bool(u.EnrolledInAcademy) {
		t.Errorf("got %+v, %v", u, err)
	}
	if got := u.LastLogin.Format(time.RFC3339) + " " + u.CreatedAt.Format(time.RFC3339); got != "2023-08-28T19:08:08Z 2020-02-18T02:17:55Z" || !u.DeletedAt.IsZero() {
		t.Errorf("got times %s, deleted %v", got, u.DeletedAt)
	}
	terms, err := api.UserTerms(t.Context(), 1)
	if err != nil || len(terms) != 1 || terms[0].ID != 5 || !bool(terms[0].HasEnded) {
		t.Errorf("got %+v, %v, want the term under the key terms", terms, err)
	}
}

func TestRevokeIsNeverRepeated(t *testing.T) {
	t.Parallel()
	calls := 0
	url := talking(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if _, err := lead.NewAPI(config(url)).RevokeTokensByGETWithSideEffect(context.Background(), 1); err == nil || calls != 1 {
		t.Errorf("got %v after %d calls, want an error after one", err, calls)
	}
}

func TestStandInRefusesAsLaravelDoes(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*lead.Fields){
		"time zone": func(f *lead.Fields) { f.TimeZone = "no zone!" },
		"no zone":   func(f *lead.Fields) { f.TimeZone = "Europe/Atlantis" },
		"name":      func(f *lead.Fields) { f.FirstName = " " },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fields("ada@example.org")
			change(&f)
			_, err := lead.NewAPI(configOf(vendortest.Serve(t, "lead", sandbox.Config{}))).CreateUser(t.Context(), f)
			if vendors.StatusOf(err) != http.StatusUnprocessableEntity || vendors.ClassOf(err) != vendors.Permanent {
				t.Errorf("got %v, want a permanent 422", err)
			}
		})
	}
}
