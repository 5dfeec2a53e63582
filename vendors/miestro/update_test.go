package miestro_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
)

func TestMiestroCannotRestore(t *testing.T) {
	if _, ok := any(&miestro.Adapter{}).(vendors.Restorer); ok {
		t.Error("the adapter restores, which Miestro documents no call for")
	}
}

func TestUpdate(t *testing.T) {
	tests := map[string]struct {
		user vendors.User
		want sandbox.User // beside the id
	}{
		"all":       {vendors.User{Email: " Ada.King@Example.org", FirstName: "Ada", LastName: "King"}, sandbox.User{Email: "ada.king@example.org", Name: "Ada King", Updates: 1}},
		"e-mail":    {vendors.User{Email: "king@example.org"}, sandbox.User{Email: "king@example.org", Name: "Someone", Updates: 1}},
		"last name": {vendors.User{LastName: "King"}, sandbox.User{Email: "ada@example.org", Name: "King", Updates: 1}},
		"nothing":   {vendors.User{Phone: "+49 30 5550199"}, sandbox.User{Email: "ada@example.org", Name: "Someone"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, stand := adapter(t, sandbox.Config{})
			acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
			if err := a.Update(t.Context(), origin, acc, test.user); err != nil {
				t.Fatal(err)
			}
			test.want.ID, test.want.Creates = acc.ID, 1
			if users := stand.State("miestro").Users; len(users) != 1 || users[0] != test.want {
				t.Errorf("got %+v, want %+v: neither a password nor a role", users, test.want)
			}
		})
	}
}

// TestUpdateSendsNoMore is about the password and the role, which the document
// shows beside the name and the e-mail.
func TestUpdateSendsNoMore(t *testing.T) {
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"id":7,"email":"ada@example.org","role":0}`)
			return
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		sent = slices.Sorted(maps.Keys(body))
		fmt.Fprint(w, `{}`)
	}))
	defer server.Close()
	a, err := miestro.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Update(t.Context(), origin, vendors.Account{ID: "7"}, vendors.User{Email: "king@example.org", FirstName: "Ada"}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(sent, " "); got != "email name" {
		t.Errorf("got %q, want email name", got)
	}
}

func TestUpdateOfNobody(t *testing.T) {
	a, stand := adapter(t, sandbox.Config{})
	acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
	if err := a.Delete(t.Context(), origin, acc); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{acc.ID, "99"} {
		if err := a.Update(t.Context(), origin, vendors.Account{ID: id}, vendors.User{Email: "king@example.org"}); !errors.Is(err, vendors.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", id, err)
		}
	}
	if err := a.Update(t.Context(), origin, vendors.Account{ID: "ada"}, vendors.User{}); vendors.ClassOf(err) != vendors.Permanent {
		t.Errorf("got %v of an id in words, want a permanent error", err)
	}
	if n := stand.State("miestro").Calls["PUT /users/{id}"]; n != 0 {
		t.Errorf("got %d updates, want none", n)
	}
}

// TestUpdateOfWhoHasJustGone is about a user who is deleted between the look and the update.
func TestUpdateOfWhoHasJustGone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"id":7,"email":"ada@example.org","role":0}`)
	}))
	defer server.Close()
	a, err := miestro.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Update(t.Context(), origin, vendors.Account{ID: "7"}, vendors.User{Email: "king@example.org"}); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestUpdateWhereTheEmailIsTaken(t *testing.T) {
	for answer, status := range map[string]int{"422": 422, "409": 409, "400": 400} {
		t.Run(answer, func(t *testing.T) {
			a, stand := adapter(t, sandbox.Config{Switches: sandbox.Switches{DuplicateEmail: answer}})
			add(t.Context(), t, a, "eve@example.org", miestro.RoleUser)
			acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
			err := a.Update(t.Context(), origin, acc, vendors.User{Email: "eve@example.org", FirstName: "Ada"})
			if vendors.ClassOf(err) != vendors.Permanent || vendors.StatusOf(err) != status {
				t.Errorf("got %v, want the %d as permanent", err, status)
			}
			if twins := stand.State("miestro").Twins(); len(twins) != 0 {
				t.Errorf("got twins %+v", twins)
			}
		})
	}
}
