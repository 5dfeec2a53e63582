package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// pager answers a list page by page, by a function from the query to the body and the header Link.
type pager func(r *http.Request) (body any, link string)

func (p pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, link := p(r)
	if link != "" {
		w.Header().Set("Link", link)
	}
	_ = json.NewEncoder(w).Encode(body)
}

// users returns accounts with the ids from … to.
func users(from, to int) []any {
	list := []any{}
	for id := from; id < to; id++ {
		list = append(list, map[string]any{"id": id, "email": "person" + strconv.Itoa(id) + "@example.org"})
	}
	return list
}

// listFile returns a file with a list in pages.
func listFile(t *testing.T, pages, more string) *httpapi.File {
	t.Helper()
	return parsed(t, `{kind: http, name: pager, account: {id: item.id, email: item.email}, check: {GET: /users}, show: {GET: "/users/{account.id}"},
list: {GET: /users`+more+`, items: answer.body.users, pages: `+pages+`}}`)
}

func TestPagesOfLists(t *testing.T) {
	number := func(r *http.Request, name string) int { n, _ := strconv.Atoi(r.URL.Query().Get(name)); return n }
	for name, test := range map[string]struct {
		pages, more string
		answer      pager
		want        int    // accounts
		err         string // "": none
	}{
		"pages until an empty one": {"{by: page}", "", func(r *http.Request) (any, string) {
			n := number(r, "page")
			return map[string]any{"users": users(n*10, n*10+10*max(0, min(1, 4-n)))}, ""
		}, 30, ""},
		"pages from 0": {"{by: page, first: 0}", "", func(r *http.Request) (any, string) {
			n := number(r, "page")
			return map[string]any{"users": users(n*10+1, n*10+1+10*max(0, min(1, 3-n)))}, ""
		}, 30, ""},
		"offsets": {"{by: offset, size: 10, size_param: limit, until: short}", "", func(r *http.Request) (any, string) {
			from := number(r, "offset")
			return map[string]any{"users": users(from+1, min(from+number(r, "limit"), 25)+1)}, ""
		}, 25, ""},
		"an index from 1": {"{by: index}", ", total: answer.body.total", func(r *http.Request) (any, string) {
			from := number(r, "startIndex")
			return map[string]any{"users": users(from, min(from+10, 26)), "total": 25}, ""
		}, 25, ""},
		"cursors": {"{by: cursor, next: 'answer.body.?next'}", "", func(r *http.Request) (any, string) {
			n := number(r, "cursor")
			body := map[string]any{"users": users(n*10+1, n*10+11)}
			if n < 2 {
				body["next"] = strconv.Itoa(n + 1)
			}
			return body, ""
		}, 30, ""},
		"the header Link": {"{by: link}", "", func(r *http.Request) (any, string) {
			n, link := number(r, "at"), ""
			if n < 2 {
				link = `<https://pager.test/users?at=` + strconv.Itoa(n+1) + `>; rel="next", <https://pager.test/users?at=0>; rel="first"`
			}
			return map[string]any{"users": users(n*10+1, n*10+11)}, link
		}, 30, ""},
		"a page twice": {"{by: page}", "", func(*http.Request) (any, string) { return map[string]any{"users": users(1, 11)}, "" }, 10, "the pages go round"},
		"a cursor twice": {"{by: cursor, next: answer.body.next}", "", func(r *http.Request) (any, string) {
			n := number(r, "cursor")
			return map[string]any{"users": users(n*10+1, n*10+11), "next": strconv.Itoa((n + 1) % 3)}, ""
		}, 30, "the cursors of the pages go round"},
		"a lost cursor": {"{by: cursor, next: answer.body.next}", "", func(*http.Request) (any, string) { return map[string]any{"users": users(1, 11)}, "" }, 10, "a member is missing"},
		"a link elsewhere": {"{by: link}", "", func(*http.Request) (any, string) {
			return map[string]any{"users": users(1, 11)}, `<https://pager.test/secrets?at=1>; rel="next"`
		}, 10, "leads to another path"},
		"a list cut short": {"{by: page}", ", total: answer.body.total", func(r *http.Request) (any, string) {
			return map[string]any{"users": users(1, 1+10*max(0, 2-number(r, "page"))), "total": 40}, ""
		}, 10, "the vendor counts 40 items and shows 10"},
		"endless pages": {"{by: page}", "", func(r *http.Request) (any, string) {
			n := number(r, "page")
			return map[string]any{"users": users(n, n+1)}, ""
		}, 10_000, "the list does not end"},
		"no list": {"{by: page}", "", func(*http.Request) (any, string) { return map[string]any{"people": users(1, 3)}, "" }, 0, "the answer has no list"},
		"numbers that hide each other": {"{by: page}", "", func(*http.Request) (any, string) {
			return map[string]any{"users": map[string]any{"1": users(1, 2)[0], "01": users(2, 3)[0]}}, ""
		}, 0, "the answer has no list"},
		"an item without id": {"{by: page}", "", func(*http.Request) (any, string) {
			return map[string]any{"users": []any{map[string]any{"email": "a@example.org"}}}, ""
		}, 0, "an account has no id"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := listFile(t, test.pages, test.more)
				c := httpapi.Defaults()
				c.Use(f)
				c.Settings = vendors.Settings{BaseURL: "http://pager.test", Timeout: time.Minute, HTTP: memnet.Serve(t, test.answer)}
				a, err := httpapi.New(c)
				if err != nil {
					t.Fatal(err)
				}
				l, _ := vendors.Port[vendors.Lister](a)
				got := map[string]bool{}
				err = l.List(t.Context(), func(one vendors.Listed) error { got[one.ID] = true; return nil })
				if len(got) != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %d accounts and %v, want %d and %q", len(got), err, test.want, test.err)
				}
			})
		})
	}
}

// An account without the members of account.staff counts as staff, and the error says why.
func TestUnknownStaffIsNamed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id": 7, "email": "ada@example.org"}`)
	}))
	defer server.Close()
	f := parsed(t, `
kind: http
name: lantern
settings: {token: {secret: true}}
account: {id: item.id, email: item.email, staff: '"staff" in item.tags'}
find: [{GET: /users, query: {email: user.email}, items: answer.body.users}]
delete: {DELETE: "/users/{account.id}", repeat: safe}
show: {GET: "/users/{account.id}"}
check: {GET: /me}
`)
	a, err := adapter(f, vendors.Settings{BaseURL: server.URL, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := vendors.Port[vendors.Deprovisioner](a)
	err = d.Delete(t.Context(), vendors.Origin{}, vendors.Account{ID: "7"})
	if err == nil || vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(err.Error(), `account.staff cannot be evaluated: "staff" in item.tags`) {
		t.Errorf("got %v, want the expression that cannot be evaluated", err)
	}
}

// TestLongListKeepsLittle reads a list with an id and a cursor of half a megabyte on each page.
func TestLongListKeepsLittle(t *testing.T) {
	const pages, size = 80, 512 << 10
	answer := pager(func(r *http.Request) (any, string) {
		n, _ := strconv.Atoi(strings.TrimLeft(r.URL.Query().Get("cursor"), "x"))
		long := func(n int) string { return strings.Repeat("x", size) + strconv.Itoa(n) }
		body := map[string]any{"users": []any{map[string]any{"id": long(n), "email": fmt.Sprintf("person%d@example.org", n)}}}
		if n+1 < pages {
			body["next"] = long(n + 1)
		}
		return body, ""
	})
	c := httpapi.Defaults()
	c.Use(listFile(t, "{by: cursor, next: 'answer.body.?next'}", ""))
	c.Settings = vendors.Settings{BaseURL: "http://pager.test", Timeout: time.Minute, HTTP: memnet.Serve(t, answer)}
	a, err := httpapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, _ := vendors.Port[vendors.Lister](a)
	got, before, after := 0, kept(), uint64(0)
	if err := l.List(t.Context(), func(vendors.Listed) error {
		if got++; got == pages {
			after = kept()
		}
		return nil
	}); err != nil || got != pages {
		t.Fatalf("got %d accounts and %v, want %d", got, err, pages)
	}
	if limit := before + pages*size/2; after > limit {
		t.Errorf("a list of %d MiB keeps %d MiB", pages*size>>20*2, (after-before)>>20)
	}
}

// kept returns the bytes of the heap in use.
func kept() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
