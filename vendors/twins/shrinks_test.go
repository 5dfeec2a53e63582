package twins_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/vendortest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// A list that lost an account during the reading proves nothing: the deletion of one account moves
// another account to a page that was read before.
func TestListThatShrinks(t *testing.T) {
	vendortest.Try(t, "lead", func(t *testing.T) {
		var list http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
			first, last, total := 1, 25, 30
			if r.URL.Query().Get("page") == "2" { // the account 3 is gone, and 26 stands on the first page
				first, last, total = 27, 30, 29
			}
			users := []string{}
			for id := first; id <= last; id++ {
				users = append(users, fmt.Sprintf(`{"id":%d,"email":"u%d@example.org","role":"learner","deleted_at":null}`, id, id))
			}
			_, _ = fmt.Fprintf(w, `{"users":{"current_page":1,"last_page":2,"total":%d,"data":[%s]}}`, total, strings.Join(users, ","))
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /users", list)
		mux.HandleFunc("POST /login", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"access_token":"t"}`)) })
		d := all()["lead"]
		a, err := open(file(t, d.path), d.settings, vendors.Settings{BaseURL: "http://lead.test", HTTP: memnet.Serve(t, mux), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := vendors.Port[vendors.Deprovisioner](a)
		if err := p.Delete(t.Context(), vendors.Origin{}, vendors.Account{ID: "26"}); err == nil || vendors.ClassOf(err) != vendors.Again {
			t.Errorf("got %v, want an error that is tried again: the account exists", err)
		}
	})
}

// A list that gained an account during the reading shows another account again, and goes on. A vendor
// that ignores the offset shows the first page for ever, and is an error after a thousand repeats.
func TestListThatGrows(t *testing.T) {
	for name, ignores := range map[string]bool{"grows": false, "ignores the offset": true} {
		most := 5
		if ignores {
			most = 1100
		}
		vendortest.Try(t, name, func(t *testing.T) {
			calls := 0
			mux := http.NewServeMux()
			mux.HandleFunc("POST /users/login", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"token":"t"}`)) })
			mux.HandleFunc("GET /users", func(w http.ResponseWriter, r *http.Request) {
				calls++
				body := `{"users":[{"id":"b","email":"b@example.org","deleted":false}]}`
				if r.URL.Query().Get("offset") == "2" && !ignores {
					body = `{"users":[]}`
				}
				_, _ = w.Write([]byte(body))
			})
			d := all()["meiro"]
			a, err := open(file(t, d.path), d.settings, vendors.Settings{BaseURL: "http://meiro.test", HTTP: memnet.Serve(t, mux), Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			p, _ := vendors.Port[vendors.Lister](a)
			var seen []string
			err = p.List(t.Context(), func(l vendors.Listed) error { seen = append(seen, l.ID); return nil })
			if (err != nil) != ignores || len(seen) != 1 || calls > most {
				t.Errorf("got %v, %v by %d calls", seen, err, calls)
			}
		})
	}
}
