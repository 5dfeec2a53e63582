package vendortest

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// mostCalls is the most calls for one list: more than the longest list of any adapter has pages.
const mostCalls = 45_000

// rounds checks that a list that goes round, and a list that never ends, end as errors.
func (s Suite) rounds(t *testing.T) {
	if s.Unpaged {
		return
	}
	for name, id := range map[string]func(page int64) int64{
		"the same page":     func(int64) int64 { return 7 },
		"pages in turn":     func(page int64) int64 { return 7 + page%2 },
		"always a new user": func(page int64) int64 { return 7 + page },
	} {
		for _, users := range []string{"[%s]", `{"current_page":1,"last_page":2000000000,"total":2000000000,"data":[%s]}`} {
			Try(t, name, func(t *testing.T) { s.round(t, id, users) })
		}
	}
}

// round lists accounts of pages with one account each. users is the form of the member users.
func (s Suite) round(t *testing.T, id func(page int64) int64, users string) {
	b := s.bench(t, patient)
	l, ok := vendors.Port[vendors.Lister](b.adapter)
	if !ok {
		return
	}
	b.broken(func(w http.ResponseWriter, _ *http.Request) {
		page := b.hits.Load()
		if page > mostCalls {
			w.WriteHeader(http.StatusBadRequest) // ends an endless loop
			return
		}
		n := strconv.FormatInt(id(page), 10)
		one := fmt.Sprintf(`{"id":%q,"email":"person%s@example.org","userName":"person%s@example.org"}`, n, n, n)
		_, _ = fmt.Fprintf(w, `{"current_page":1,"last_page":2000000000,"page":1,"total":2000000000,"totalResults":2000000000,"nextCursor":%q,
"data":[%s],"records":[%s],"Resources":[%s],"users":`+users+`}`, n, one, one, one, one)
	})
	err := l.List(t.Context(), func(vendors.Listed) error { return nil })
	if err == nil || b.hits.Load() > mostCalls {
		t.Errorf("got %v after %d calls, want an error of a list that has no end", err, b.hits.Load())
	}
}
