package meiro_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func customers(t *testing.T, collect string, http http.RoundTripper) *meiro.Customers {
	t.Helper()
	a, err := meiro.New(meiro.Config{Settings: vendors.Settings{HTTP: http}, Mode: meiro.ModeCustomers, CollectURL: collect})
	if err != nil {
		t.Fatal(err)
	}
	return a.(*meiro.Customers)
}

// augusta is ada from an update on.
var augusta = vendors.User{
	ID: "u-1", Email: "augusta@example.org", FirstName: "Augusta", LastName: "Example", Locale: "en-GB", Attributes: []byte(`{"plan":"pro"}`),
}

// actions returns every action on a customer.
func actions(t *testing.T, c *meiro.Customers) []func() error {
	ctx := t.Context()
	return []func() error{
		func() error { _, err := c.Create(ctx, origin, ada); return err },
		func() error { return c.Update(ctx, origin, c.AccountOf("u-1"), augusta) },
		func() error {
			return c.Enroll(ctx, vendors.Enrollment{Origin: origin, UserID: "u-1", Email: ada.Email, Course: vendors.Course{Ours: "c-1"}, EndsOn: "2026-04-01"})
		},
		func() error {
			return c.Unenroll(ctx, vendors.Enrollment{Origin: origin, UserID: "u-1", Email: ada.Email, Course: vendors.Course{Ours: "c-1"}})
		},
		func() error {
			return c.Track(ctx, vendors.Activity{Origin: origin, UserID: "u-1", Name: "opened", At: at.Add(time.Second), Properties: []byte(`{"n":1}`)})
		},
		func() error { _, err := c.Restore(ctx, origin, vendors.Account{}, ada); return err },
		func() error { return c.Delete(ctx, origin, c.AccountOf("u-1")) },
	}
}

func TestCustomerEventsAreDeduplicated(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{sandbox.None, sandbox.FailBefore, sandbox.FailAfter, sandbox.DropBefore, sandbox.DropAfter} {
		vendortest.Try(t, string(kind), func(t *testing.T) {
			stand := vendortest.Serve(t, "meiro", sandbox.Config{})
			for _, action := range actions(t, customers(t, stand.URL+"/collect/usher", stand.HTTP)) {
				if err := stand.Box.Next("meiro", sandbox.Fault{Kind: kind}); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := action(); err != nil {
						t.Fatal(err)
					}
				}
			}
			state := stand.State("meiro")
			if len(state.Events) != 7 || state.Calls["POST /collect/{slug}"] < 14 {
				t.Errorf("got %+v, want seven events, each sent twice", state.Events)
			}
			for _, e := range state.Events {
				if e.Recorded != 1 || e.Key != origin.Key || e.UserID != "u-1" {
					t.Errorf("got %+v, want it once, with its origin", e)
				}
			}
			u := state.Users[len(state.Users)-1]
			want := sandbox.User{
				ID: "u-1", Kind: "customer", External: "u-1", Email: augusta.Email, Name: "Augusta Example", Locale: "en-GB",
				Attributes: `{"plan":"pro"}`, Deleted: true, Creates: 1, Updates: 1, Restores: 1, Deletes: 1,
			}
			if u != want {
				t.Errorf("got %+v, want %+v", u, want)
			}
			if e := state.Enrollments; len(e) != 1 || e[0].Active || e[0].Ended != 1 {
				t.Errorf("got %+v, want one enrolment, ended", e)
			}
		})
	}
}

func TestCustomersRepeatByteForByte(t *testing.T) {
	t.Parallel()
	var bodies [][]byte
	_, url := meddled(t, func(_ http.ResponseWriter, r *http.Request) bool {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, body)
		return true
	})
	c := customers(t, url+"/collect/usher", nil)
	for _, action := range actions(t, c) {
		bodies = nil
		for range 20 {
			if err := action(); err != nil {
				t.Fatal(err)
			}
		}
		for _, body := range bodies {
			if !bytes.Equal(body, bodies[0]) {
				t.Errorf("got %s, want %s as before", body, bodies[0])
			}
		}
	}
	want := `{"event_type":"user_deleted","event_time":"2026-03-01T08:00:00.007Z","identifiers":{"user_id":"u-1"},"event_payload":{"origin":"00112233445566778899aabbccddeeff"}}`
	if string(bodies[0]) != want {
		t.Errorf("got %s, want %s", bodies[0], want)
	}
}

func TestCheckOfCustomers(t *testing.T) {
	t.Parallel()
	for slug, ok := range map[string]bool{"usher": true, sandbox.WrongCredential: false} {
		t.Run(slug, func(t *testing.T) {
			t.Parallel()
			stand := vendortest.Serve(t, "meiro", sandbox.Config{})
			err := customers(t, stand.URL+"/collect/"+slug, stand.HTTP).Check(t.Context())
			if (err == nil) != ok || (err != nil && vendors.ClassOf(err) != vendors.Unusable) {
				t.Errorf("got %v, want success to be %v, and else unusable", err, ok)
			}
			if events := stand.State("meiro").Events; len(events) != 0 {
				t.Errorf("the check left %+v", events)
			}
		})
	}
}

func TestCustomersSuite(t *testing.T) {
	unusable := vendors.Unusable
	vendortest.Run(t, vendortest.Suite{
		Name: "meiro",
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			collect := s.BaseURL + "/collect/usher"
			s.BaseURL = ""
			return meiro.New(meiro.Config{Settings: s, Mode: meiro.ModeCustomers, CollectURL: collect})
		},
		Course:     "c-1",
		Repeatable: []string{vendortest.Create, vendortest.Delete, vendortest.Enroll, vendortest.Track},
		Verdict:    func(_ string, status int) (*vendors.Class, bool) { return &unusable, status == http.StatusNotFound },
	})
}
