package meiro_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

var (
	origin = vendors.Origin{Key: "00112233445566778899aabbccddeeff", At: at}
	ada    = vendors.User{ID: "u-1", Email: "ada+1@example.org", FirstName: "Ada", LastName: "Example"}
)

func operators(t *testing.T, c meiro.Config) *meiro.Operators {
	t.Helper()
	a, err := meiro.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a.(*meiro.Operators)
}

func TestOperatorsEnrollAndTrackNothing(t *testing.T) {
	t.Parallel()
	a := any(&meiro.Operators{})
	if _, ok := a.(vendors.Enroller); ok {
		t.Error("operators enroll, which Meiro has no call for")
	}
	if _, ok := a.(vendors.Tracker); ok {
		t.Error("operators track, which Meiro has no call for")
	}
}

// every runs a test under every answer that Meiro does not document.
func every(t *testing.T, test func(*testing.T, sandbox.Switches)) {
	for _, twin := range []string{"422", "409", "400", "existing", "second"} {
		for _, gone := range []string{"404", "200"} {
			t.Run(fmt.Sprintf("duplicate %s, second delete %s", twin, gone), func(t *testing.T) {
				t.Parallel()
				test(t, sandbox.Switches{DuplicateEmail: twin, SecondDelete: gone})
			})
		}
	}
}

func TestLifeOfAnOperator(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, switches sandbox.Switches) {
		stand := vendortest.Serve(t, "meiro", sandbox.Config{Switches: switches})
		o, ctx := operators(t, configOf(stand)), t.Context()
		if _, err := o.Find(ctx, ada); !errors.Is(err, vendors.ErrNotFound) {
			t.Fatalf("got %v, want ErrNotFound", err)
		}
		made, err := o.Create(ctx, origin, ada)
		if err != nil {
			t.Fatal(err)
		}
		shouting := ada
		shouting.Email = " ADA+1@example.org"
		if found, err := o.Find(ctx, shouting); err != nil || found != made {
			t.Errorf("got %v, %v, want %v", found, err, made)
		}
		for range 2 {
			if err := o.Delete(ctx, origin, made); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := o.Find(ctx, ada); !errors.Is(err, vendors.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound of a user in the trash", err)
		}
		if back, err := o.Create(ctx, origin, ada); err != nil || back != made {
			t.Errorf("got %v, %v, want %v out of the trash", back, err, made)
		}
		if state := stand.State("meiro"); len(state.Users) != 2 || len(state.Twins()) != 0 {
			t.Errorf("got %+v, want Usher and one more", state.Users)
		}
	})
}

func TestCreateSendsTheEmailInLowerCase(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	made, err := operators(t, configOf(stand)).Create(t.Context(), origin, vendors.User{ID: "u-1", Email: " ADA+1@Example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if got := operator(t, stand, made).Email; got != ada.Email {
		t.Errorf("got %q, want %q", got, ada.Email)
	}
}

func TestCreateOfWhoIsThere(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, switches sandbox.Switches) {
		if switches.DuplicateEmail == "second" { // nothing but Find keeps from this
			switches.DuplicateEmail = "existing"
		}
		stand := vendortest.Serve(t, "meiro", sandbox.Config{Switches: switches})
		o := operators(t, configOf(stand))
		first, err := o.Create(t.Context(), origin, ada)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := o.Create(t.Context(), origin, ada); err != nil || again.ID != first.ID || first.Existed {
			t.Errorf("got %v, %v, want %v", again, err, first)
		}
	})
}

func TestLostAnswersAreLookedUp(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{sandbox.FailAfter, sandbox.DropAfter} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			stand := vendortest.Serve(t, "meiro", sandbox.Config{})
			o := operators(t, configOf(stand))
			if err := stand.Box.Next("meiro", sandbox.Fault{Kind: kind, On: "POST /users/create_or_restore"}); err != nil {
				t.Fatal(err)
			}
			if _, err := o.Create(t.Context(), origin, ada); !vendors.IsUnknown(err) {
				t.Errorf("got %v, want an error that says Unknown", err)
			}
			if _, err := o.Find(t.Context(), ada); err != nil {
				t.Errorf("got %v, want the operator that was made", err)
			}
		})
	}
}

// meddled serves a stand-in, some of whose answers are another's.
func meddled(t *testing.T, answer func(w http.ResponseWriter, r *http.Request) bool) (*sandbox.Sandbox, string) {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	healthy := box.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			healthy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return box, server.URL + "/meiro"
}

// trashed is ada's account, made and deleted.
func trashed(t *testing.T, o *meiro.Operators) vendors.Account {
	t.Helper()
	made, err := o.Create(t.Context(), origin, ada)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Delete(t.Context(), origin, made); err != nil {
		t.Fatal(err)
	}
	return made
}

func TestCreateLooksInTheTrash(t *testing.T) {
	t.Parallel()
	refuse := false
	_, url := meddled(t, func(w http.ResponseWriter, r *http.Request) bool {
		if refuse && r.Method == http.MethodPost && r.URL.Path == "/meiro/users/create_or_restore" {
			w.WriteHeader(http.StatusConflict)
			return true
		}
		return false
	})
	o := operators(t, config(url))
	made := trashed(t, o)
	refuse = true
	if back, err := o.Create(t.Context(), origin, ada); err != nil || back != made {
		t.Errorf("got %v, %v, want %v out of the trash", back, err, made)
	}
	bob := vendors.User{ID: "u-2", Email: "bob@example.org"}
	if _, err := o.Create(t.Context(), origin, bob); vendors.StatusOf(err) != 409 || vendors.ClassOf(err) != vendors.Permanent {
		t.Errorf("got %v, want the permanent 409 of somebody who is nowhere", err)
	}
}

// TestCreateWithALostRestoration is about a restoration that was made and is tried
// again: Meiro says 404 of whom it has just restored.
func TestCreateWithALostRestoration(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		shown string // what Meiro shows of the operator afterwards; empty: what it has
		ok    bool
	}{
		"the operator":   {"", true},
		"another e-mail": {`{"id":%q,"email":"bob@example.org","deleted":false}`, false},
		"still in trash": {`{"id":%q,"email":"ada+1@example.org","deleted":true}`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse, made := false, vendors.Account{}
			box, url := meddled(t, func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case refuse && r.URL.Path == "/meiro/users/create_or_restore":
					w.WriteHeader(http.StatusConflict)
				case refuse && r.Method == http.MethodGet && test.shown != "" && r.URL.Path == "/meiro/users/"+made.ID:
					_, _ = fmt.Fprintf(w, test.shown, made.ID)
				default:
					return false
				}
				return true
			})
			o := operators(t, config(url))
			made = trashed(t, o)
			refuse = true
			if err := box.Next("meiro", sandbox.Fault{Kind: sandbox.FailAfter, On: "PATCH /users/trash/{id}"}); err != nil {
				t.Fatal(err)
			}
			back, err := o.Create(t.Context(), origin, ada)
			if (err == nil) != test.ok || (test.ok && back != made) || vendors.ClassOf(err) != vendors.Again {
				t.Errorf("got %v, %v, want %v: %v", back, err, made, test.ok)
			}
		})
	}
}

func TestUsherItselfStays(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	o := operators(t, configOf(stand))
	own, err := o.Find(t.Context(), vendors.User{Email: sandbox.MeiroEmail})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Delete(t.Context(), origin, own); vendors.ClassOf(err) != vendors.Permanent || err == nil {
		t.Errorf("got %v, want a permanent error", err)
	}
}

func TestOperatorsSuite(t *testing.T) {
	unusable := vendors.Unusable
	vendortest.Run(t, vendortest.Suite{
		Name: "meiro",
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			c := config(s.BaseURL)
			c.Settings = s
			return meiro.New(c)
		},
		Secrets:    []string{sandbox.MeiroPassword, "meiro-0000"},
		Login:      func(r *http.Request) bool { return r.URL.Path == "/meiro/users/login" },
		Repeatable: []string{vendortest.Delete},
		Verdict: func(port string, status int) (*vendors.Class, bool) { // a list that is not there is a wrong base URL
			if status == http.StatusNotFound && port == vendortest.Disable {
				return nil, true
			}
			return &unusable, status == http.StatusNotFound && port != vendortest.Delete
		},
	})
}
