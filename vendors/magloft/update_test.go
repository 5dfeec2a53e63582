package magloft_test

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
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/sandbox"
)

func TestMagLoftCannotRestore(t *testing.T) {
	for _, a := range []any{&magloft.Clients{}, &magloft.Readers{}} {
		if _, ok := a.(vendors.Restorer); ok {
			t.Errorf("%T restores, which MagLoft documents no call for", a)
		}
	}
}

func TestUpdate(t *testing.T) {
	tests := map[string]struct {
		user    vendors.User
		clients sandbox.User // beside what does not change
		readers sandbox.User
		fixed   bool // whether a client's update must say that the e-mail stays
	}{
		"names": {
			vendors.User{Email: "Ada@example.org", FirstName: "Ada", LastName: "King"},
			sandbox.User{Email: "ada@example.org", Name: "Ada King", Updates: 1},
			sandbox.User{Email: "ada@example.org", Name: "Ada King", Updates: 1},
			false,
		},
		"names and e-mail": {
			vendors.User{Email: "king@example.org", FirstName: "Ada", LastName: "King"},
			sandbox.User{Email: "ada@example.org", Name: "Ada King", Updates: 1},
			sandbox.User{Email: "king@example.org", Name: "Ada King", Updates: 1},
			true,
		},
		"e-mail alone": {
			vendors.User{Email: "king@example.org"},
			sandbox.User{Email: "ada@example.org", Name: "Augusta Lovelace"},
			sandbox.User{Email: "king@example.org", Name: "Augusta Lovelace", Updates: 1},
			true,
		},
		"last name alone": {
			vendors.User{LastName: "King"},
			sandbox.User{Email: "ada@example.org", Name: "Augusta King", Updates: 1},
			sandbox.User{Email: "ada@example.org", Name: "Augusta King", Updates: 1},
			false,
		},
	}
	for name, test := range tests {
		for _, mode := range modes {
			t.Run(mode+" "+name, func(t *testing.T) {
				a, s := stand(t, mode, sandbox.Switches{})
				acc, err := a.Create(t.Context(), origin, vendors.User{ID: "u1", Email: "ada@example.org", FirstName: "Augusta", LastName: "Lovelace"})
				if err != nil {
					t.Fatal(err)
				}
				want, fixed := test.readers, false
				want.Kind, want.External = "reader", "u1"
				if mode == magloft.ModeClients {
					want, fixed = test.clients, test.fixed
					want.Kind = "client"
				}
				err = a.Update(t.Context(), origin, acc, test.user)
				if (err != nil) != fixed || (fixed && (vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "the names are set, but"))) {
					t.Errorf("got %v, want a permanent error about the e-mail: %v", err, fixed)
				}
				want.ID, want.Creates = acc.ID, 1
				if got := s.State("magloft").Users; len(got) != 1 || got[0] != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
	}
}

// TestUpdateSendsNoMore is about passwords and custom data, which the calls take as well.
func TestUpdateSendsNoMore(t *testing.T) {
	for mode, want := range map[string]string{magloft.ModeClients: "firstname lastname", magloft.ModeReaders: "email lastname name"} {
		t.Run(mode, func(t *testing.T) {
			var sent []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					var body map[string]any
					if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
						t.Error(err)
					}
					sent = slices.Sorted(maps.Keys(body))
					fmt.Fprint(w, `null`) // as the document's sample
					return
				}
				fmt.Fprint(w, `{"id":7,"email":"ada@example.org"}`)
			}))
			defer server.Close()
			u := vendors.User{ID: "u1", Email: "ada@example.org", FirstName: "Ada", LastName: "King", Phone: "+49 30 5550199"}
			if err := adapter(t, config(server.URL, mode)).Update(t.Context(), origin, vendors.Account{ID: "7"}, u); err != nil {
				t.Error(err)
			}
			if got := strings.Join(sent, " "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestUpdateOfNobody(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			a, _ := stand(t, mode, sandbox.Switches{})
			acc := add(t.Context(), t, a, mode, "ada@example.org")
			if err := a.Delete(t.Context(), origin, acc); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{acc.ID, "99"} {
				if err := a.Update(t.Context(), origin, vendors.Account{ID: id}, vendors.User{FirstName: "Ada"}); !errors.Is(err, vendors.ErrNotFound) {
					t.Errorf("%s: got %v, want ErrNotFound", id, err)
				}
			}
			if err := a.Update(t.Context(), origin, vendors.Account{ID: "ada"}, vendors.User{}); vendors.ClassOf(err) != vendors.Permanent {
				t.Errorf("got %v of an id in words, want a permanent error", err)
			}
		})
	}
}

func TestUpdateWhereTheEmailIsTaken(t *testing.T) {
	a, s := stand(t, magloft.ModeReaders, sandbox.Switches{})
	add(t.Context(), t, a, magloft.ModeReaders, "eve@example.org")
	acc := add(t.Context(), t, a, magloft.ModeReaders, "ada@example.org")
	err := a.Update(t.Context(), origin, acc, vendors.User{Email: "eve@example.org"})
	if vendors.ClassOf(err) != vendors.Permanent || vendors.StatusOf(err) != http.StatusUnprocessableEntity {
		t.Errorf("got %v, want the 422 as permanent", err)
	}
	if twins := s.State("magloft").Twins(); len(twins) != 0 {
		t.Errorf("got twins %+v", twins)
	}
}
