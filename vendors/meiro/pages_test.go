package meiro_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/usherhq/usher/vendors"
)

func TestFindReadsAllPages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		size     int // of the vendor's pages, whatever is asked
		settings string
	}{
		"as asked":       {100, `,"selection_settings":{"limit":100}`},
		"fewer, said":    {20, `,"selection_settings":{"limit":20}`},
		"fewer, denied":  {20, `,"selection_settings":{"limit":100}`},
		"as text":        {20, `,"selection_settings":{"limit":"20","offset":"0"}`},
		"fewer, unsaid":  {20, ``},
		"fewer, unclear": {7, `,"selection_settings":null`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := meddled(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/meiro/users" {
					return false
				}
				var offset int
				_, _ = fmt.Sscan(r.URL.Query().Get("offset"), &offset)
				list := ""
				for i := offset; i < min(offset+test.size, 250); i++ {
					list += fmt.Sprintf(`,{"id":"id-%d","email":"user+%d@example.org","deleted":%v}`, i, i/2, i%2 == 0)
				}
				_, _ = fmt.Fprintf(w, `{"users":[%s]%s}`, list[min(1, len(list)):], test.settings)
				return true
			})
			o := operators(t, config(url))
			if got, err := o.Find(t.Context(), vendors.User{Email: "user+124@example.org"}); err != nil || got.ID != "id-249" {
				t.Errorf("got %v, %v, want id-249, who is last and not deleted", got, err)
			}
			if _, err := o.Find(t.Context(), ada); !errors.Is(err, vendors.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		})
	}
}

func TestFindEndsWhereOffsetsDoNothing(t *testing.T) {
	t.Parallel()
	_, url := meddled(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/meiro/users" {
			return false
		}
		_, _ = w.Write([]byte(`{"users":[{"id":"id-1","email":"a@example.org"}]}`))
		return true
	})
	if _, err := operators(t, config(url)).Find(t.Context(), ada); err == nil || errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("got %v, want an error", err)
	}
}

// TestFindWhileUsersAreMade moves the only user from one page to the next, twice.
func TestFindWhileUsersAreMade(t *testing.T) {
	t.Parallel()
	_, url := meddled(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/meiro/users" {
			return false
		}
		list := `{"id":"id-9","email":"a@example.org"}`
		if r.URL.Query().Get("offset") == "3" {
			list = ""
		}
		_, _ = fmt.Fprintf(w, `{"users":[%s]}`, list)
		return true
	})
	if _, err := operators(t, config(url)).Find(t.Context(), ada); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
