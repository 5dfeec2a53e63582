package scim_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

const crowd = 45 // more than two pages of a server that cuts pages

// crowded returns a stand-in with a crowd.
func crowded(t *testing.T, switches map[string]string, change func(*scim.Config)) stand {
	t.Helper()
	s := serve(t, switches, change)
	for n := range crowd {
		u := vendors.User{ID: fmt.Sprint("user-", n), Email: fmt.Sprintf("person+%d@example.org", n), FirstName: "Person"}
		if _, err := s.Create(t.Context(), origin, u); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// list returns how often List yields each id.
func list(t *testing.T, s stand) (map[string]int, error) {
	t.Helper()
	got := map[string]int{}
	err := s.List(t.Context(), func(one vendors.Listed) error { got[one.ID]++; return nil })
	return got, err
}

// A list is whole, or an error: an account that is missing by mistake would be taken for deleted.
func TestListIsWholeOrAnError(t *testing.T) {
	cursors := func(c *scim.Config) { c.Pages, c.PageSize = scim.PagesCursor, 20 }
	pages := func(c *scim.Config) { c.PageSize = 20 }
	for name, test := range map[string]struct {
		pages  string
		change func(*scim.Config)
		whole  bool
	}{
		"one page":           {"index", nil, true},
		"pages":              {"index", pages, true},
		"cut pages":          {"cut", nil, true},
		"cursors":            {"cursor", cursors, true},
		"total of one page":  {"one", pages, true},
		"index from 0":       {"zero", pages, false},
		"index without use":  {"stuck", pages, false},
		"another order each": {"turning", pages, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := list(t, crowded(t, map[string]string{"pages": test.pages}, test.change))
			for id, times := range got {
				if times != 1 {
					t.Errorf("got account %s %d times", id, times)
				}
			}
			if (err == nil) != test.whole || (test.whole && len(got) != crowd) {
				t.Errorf("got %d accounts and %v, want %d: %v", len(got), err, crowd, test.whole)
			}
			if err != nil && !vendors.IsUnreadable(err) {
				t.Errorf("got %v, want an error that proves nothing", err)
			}
		})
	}
}

// A server that ignores filters shows everybody on many pages.
func TestFindWithoutFilters(t *testing.T) {
	s := crowded(t, map[string]string{"filter": "ignored", "pages": "cut"}, nil)
	for n, want := range []string{"1", "2"} {
		u := vendors.User{ID: fmt.Sprint("user-", n), Email: fmt.Sprintf("person+%d@example.org", n)}
		if got, err := s.Find(t.Context(), u); err != nil || got.ID != want {
			t.Errorf("got %v, %v, want %s", got, err, want)
		}
	}
	if _, err := s.Find(t.Context(), vendors.User{ID: "nobody", Email: ada.Email}); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// An answer that does not say "nobody" is an error.
func TestAnswersThatAreNoAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"no total":            `{"Resources":[]}`,
		"total without users": `{"totalResults":1,"Resources":[]}`,
		"total and null":      `{"totalResults":1,"Resources":null}`,
		"a user without id":   `{"totalResults":1,"Resources":[{"userName":"ada@example.org"}]}`,
		"a round of cursors":  `{"totalResults":9,"nextCursor":"again","Resources":[{"id":"1","userName":"eve@example.org"}]}`,
		"an error with 200":   `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"500","detail":"no"}`,
		"text":                `"nobody"`,
		"nothing":             ``,
	} {
		t.Run(name, func(t *testing.T) {
			a := fixed(t, http.StatusOK, body)
			_, err := a.Find(t.Context(), ada)
			listed := a.List(t.Context(), func(vendors.Listed) error { return nil })
			for _, err := range []error{err, listed} {
				if err == nil || errors.Is(err, vendors.ErrNotFound) {
					t.Errorf("got %v, want an error", err)
				}
			}
		})
	}
}

// fixed returns an adapter of a server with one answer.
func fixed(t *testing.T, status int, body string) *scim.Adapter {
	t.Helper()
	a, err := scim.New(config(vendors.Settings{BaseURL: "http://scim.test", HTTP: memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})), SingleAttempt: true}))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The list of a server that has users without end ends.
func TestListWithoutEnd(t *testing.T) {
	n := 0
	a, err := scim.New(config(vendors.Settings{BaseURL: "http://scim.test", HTTP: memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"totalResults":1000000000,"Resources":[{"id":"%d","userName":"x@example.org"}]}`, n)
	}))}))
	if err != nil {
		t.Fatal(err)
	}
	err = a.List(t.Context(), func(vendors.Listed) error { return nil })
	if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "does not end") {
		t.Errorf("got %v, want a permanent error", err)
	}
}

func TestStaffIsNeverChanged(t *testing.T) {
	for name, shown := range map[string]string{
		"userType": `"userType":"admin"`, "roles": `"roles":[{"value":"Admin","primary":true}]`, "roles as texts": `"roles":["user","ADMIN"]`,
	} {
		t.Run(name, func(t *testing.T) {
			a := fixed(t, http.StatusOK, `{"id":"7","userName":"ada@example.org",`+shown+`}`)
			account := vendors.Account{ID: "7"}
			for port, err := range map[string]error{
				"update": a.Update(t.Context(), origin, account, ada), "disable": a.Disable(t.Context(), origin, account), "delete": a.Delete(t.Context(), origin, account),
			} {
				if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "staff") {
					t.Errorf("%s: got %v, want a permanent error about staff", port, err)
				}
			}
		})
	}
}
