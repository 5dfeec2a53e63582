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
