package magloft_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func config(baseURL, mode string) magloft.Config {
	return magloft.Config{
		Settings: vendors.Settings{BaseURL: baseURL, Timeout: time.Minute}, AccessToken: sandbox.MagLoftAccessToken, Mode: mode, AppID: sandbox.MagLoftAppID,
	}
}

// at is a configuration for the stand-in.
func configOf(stand vendortest.Server, mode string) magloft.Config {
	c := config(stand.URL, mode)
	c.HTTP = stand.HTTP
	return c
}

// check fails the test for each step that has an error.
func check(t *testing.T, steps map[string]error) {
	t.Helper()
	for step, err := range steps {
		if err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
}

func TestEveryDocumentedCall(t *testing.T) {
	stand := vendortest.Serve(t, "magloft", sandbox.Config{})
	api := magloft.NewAPI(configOf(stand, ""))
	t.Run("clients", func(t *testing.T) { clients(t, api) })
	t.Run("readers", func(t *testing.T) { readers(t, api) })
	t.Run("subscriptions", func(t *testing.T) { subscriptions(t, api) })
	if left := stand.Contract.Untried(); len(left) > 0 {
		t.Errorf("no call made %v", left)
	}
}

func clients(t *testing.T, api *magloft.API) {
	ctx := t.Context()
	c, err := api.CreateClient(ctx, magloft.NewClient{Email: "amelia@example.org", Firstname: "Amelia", Lastname: "Earhart", Password: vendors.NewPassword()})
	if err != nil || c.ID != 1 || c.Email != "amelia@example.org" {
		t.Fatalf("create: got %+v, %v", c, err)
	}
	check(t, map[string]error{
		"update": api.UpdateClient(ctx, 1, magloft.ClientChange{Firstname: "Millie", Password: vendors.NewPassword()}),
		"become": api.BecomeClientBySideEffectOfGET(ctx, 1),
	})
	if c, err := api.GetClient(ctx, 1); err != nil || c.Firstname != "Millie" || c.SignInCount != 1 {
		t.Errorf("get: got %+v, %v", c, err)
	}
	if l, err := api.ListClients(ctx); err != nil || l.Total != 1 || len(l.Records) != 1 {
		t.Errorf("list: got %+v, %v", l, err)
	}
	q := magloft.Query{Page: 1, PerPage: 5, OrderBy: "email", OrderDir: "desc", Filter: "amelia", Publication: 3}
	if l, err := api.PageClients(ctx, q); err != nil || l.Total != 1 || len(l.Records) != 1 {
		t.Errorf("page: got %+v, %v", l, err)
	}
	check(t, map[string]error{"delete": api.DeleteClient(ctx, 1)})
}

func readers(t *testing.T, api *magloft.API) {
	ctx := t.Context()
	yes := true
	r, err := api.CreateReader(ctx, magloft.ReaderFields{
		Email: "ada+x@example.org", Name: "Ada", Lastname: "Lovelace", Password: vendors.NewPassword(), Confirmed: &yes,
		CustomData: map[string]string{"external_id": "u1"}, ClassificationIDs: []int{1, 2},
	})
	if err != nil || r.ID != 1 || r.CustomData["external_id"] != "u1" || r.AuthenticationToken.Reveal() == "" {
		t.Fatalf("create: got %+v, %v", r, err)
	}
	if printed := fmt.Sprintf("%v %+v %#v", r, r, r); strings.Contains(printed, r.AuthenticationToken.Reveal()) {
		t.Error("the reader's token is printed")
	}
	byEmail, err := api.ReaderByEmail(ctx, "ada+x@example.org")
	byID, again := api.ReaderByID(ctx, 1)
	if err != nil || again != nil || byEmail.ID != 1 || byID.ID != 1 {
		t.Errorf("get: got %+v, %v and %+v, %v", byEmail, err, byID, again)
	}
	check(t, map[string]error{"update": api.UpdateReader(ctx, 1, magloft.ReaderFields{Name: "Augusta"})})
	if u, err := api.ReaderByID(ctx, 1); err != nil || u.Name != "Augusta" || u.Email != r.Email {
		t.Errorf("get after the update: got %+v, %v", u, err)
	}
	if l, err := api.ListReaders(ctx); err != nil || len(l) != 1 {
		t.Errorf("list: got %+v, %v", l, err)
	}
	if l, err := api.PageReaders(ctx, magloft.Query{Filter: "ada"}); err != nil || l.Total != 1 || l.Records[0].ClassificationIDs[1] != 2 {
		t.Errorf("page: got %+v, %v", l, err)
	}
	check(t, map[string]error{"unlock": api.UnlockIssues(ctx, 1, []string{"purchase.issue_1"}, "ce-1"), "delete": api.DeleteReader(ctx, 1)})
}

func subscriptions(t *testing.T, api *magloft.API) {
	ctx := t.Context()
	yes, no := true, false
	wanted := magloft.SubscriptionFields{
		Email: "eve@example.org", Firstname: "Eve", StartDate: "2026-03-01", EndDate: "2026-12-31", Active: &yes, Confirmation: &no, Upsert: &yes,
	}
	s, err := api.CreateSubscription(ctx, wanted)
	if err != nil || s.ID != 1 || !s.Active || s.Reader.Email != "eve@example.org" || s.Password.Reveal() == "" {
		t.Fatalf("create: got %+v, %v", s, err)
	}
	if printed := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(printed, s.Password.Reveal()) {
		t.Error("the reader's password is printed")
	}
	if s, err := api.CreateSubscription(ctx, wanted); err != nil || s.ID != 1 || s.Status != "updated" {
		t.Errorf("upsert: got %+v, %v", s, err)
	}
	byEmail, err := api.SubscriptionByEmail(ctx, "eve@example.org")
	byID, again := api.SubscriptionByID(ctx, 1)
	if err != nil || again != nil || byEmail.ID != 1 || byID.ID != 1 {
		t.Errorf("get: got %+v, %v and %+v, %v", byEmail, err, byID, again)
	}
	check(t, map[string]error{"update": api.UpdateSubscription(ctx, 1, magloft.SubscriptionFields{Active: &no})})
	if s, err := api.SubscriptionByID(ctx, 1); err != nil || s.Active || s.EndDate != "2026-12-31" {
		t.Errorf("get after the update: got %+v, %v", s, err)
	}
	if l, err := api.ListSubscriptions(ctx); err != nil || len(l.Records) != 1 {
		t.Errorf("list: got %+v, %v", l, err)
	}
	if l, err := api.PageSubscriptions(ctx, magloft.Query{Filter: "eve", PerPage: 2}); err != nil || len(l.Records) != 1 {
		t.Errorf("page: got %+v, %v", l, err)
	}
	check(t, map[string]error{"delete": api.DeleteSubscription(ctx, 1)})
}

func TestNew(t *testing.T) {
	tests := map[string]struct {
		config magloft.Config
		want   []string // in the error; none: it works
	}{
		"nothing given":  {magloft.Config{}, []string{"access_token"}},
		"clients":        {magloft.Config{AccessToken: "t"}, nil},
		"unknown mode":   {magloft.Config{AccessToken: "t", Mode: "people"}, []string{"people", "clients", "readers"}},
		"readers, bare":  {magloft.Config{Mode: "readers"}, []string{"access_token", "app_id"}},
		"readers":        {magloft.Config{AccessToken: "t", Mode: "readers", AppID: "7"}, nil},
		"address of ftp": {magloft.Config{AccessToken: "t", Settings: vendors.Settings{BaseURL: "ftp://x"}}, []string{"base_url"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := magloft.New(test.config)
			if len(test.want) == 0 && err != nil {
				t.Error(err)
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to name %q", err, want)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, mode := range []string{magloft.ModeClients, magloft.ModeReaders} {
		t.Run(mode, func(t *testing.T) {
			stand := vendortest.Serve(t, "magloft", sandbox.Config{})
			good, wrong := configOf(stand, mode), configOf(stand, mode)
			wrong.AccessToken = sandbox.WrongCredential
			if err := adapter(t, good).Check(t.Context()); err != nil {
				t.Error(err)
			}
			elsewhere := config(nowhere(t), mode)
			for name, c := range map[string]magloft.Config{"credentials": wrong, "base URL": elsewhere} {
				if err := adapter(t, c).Check(t.Context()); vendors.ClassOf(err) != vendors.Unusable {
					t.Errorf("wrong %s: got %v, want unusable", name, err)
				}
			}
		})
	}
}

// nowhere is where no API is.
func nowhere(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}

// both has the ports of both modes.
type both interface {
	vendors.Adapter
	vendors.Lister
	vendors.Provisioner
	vendors.Updater
	vendors.Deprovisioner
	API() *magloft.API
}

func adapter(t *testing.T, c magloft.Config) both {
	t.Helper()
	a, err := magloft.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a.(both)
}

func TestOddShapes(t *testing.T) {
	tests := map[string]struct {
		answer string
		call   func(*testing.T, *magloft.API) error
	}{
		"one reader for a list": {`{"id":"7","email":"ada@example.org"}`, func(t *testing.T, api *magloft.API) error {
			l, err := api.ListReaders(t.Context())
			if len(l) != 1 || l[0].ID != 7 {
				t.Errorf("got %+v, want reader 7", l)
			}
			return err
		}},
		"null for an update": {`null`, func(t *testing.T, api *magloft.API) error {
			return api.UpdateClient(t.Context(), 1, magloft.ClientChange{Firstname: "A"})
		}},
		"nothing for an update of a reader": {"", func(t *testing.T, api *magloft.API) error {
			return api.UpdateReader(t.Context(), 1, magloft.ReaderFields{Name: "A"})
		}},
		"nothing for an update of a subscription": {"", func(t *testing.T, api *magloft.API) error {
			return api.UpdateSubscription(t.Context(), 1, magloft.SubscriptionFields{EndDate: "2026-12-31"})
		}},
		"purchases for an unlock": {`[{"id":1}]`, func(t *testing.T, api *magloft.API) error {
			return api.UnlockIssues(t.Context(), 1, []string{"p"}, "")
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := test.call(t, magloft.NewAPI(config(answering(t, test.answer), ""))); err != nil {
				t.Error(err)
			}
		})
	}
}
