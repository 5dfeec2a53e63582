package vendortest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// garbageBodies are 200 responses with unrelated content.
func garbageBodies() map[string]string {
	return map[string]string{
		"empty": "", "half": `{"id": 7, "em`, "page": "<html>hello</html>", "text": `"yes"`, "number": "7",
		"object": "{}", "deep": strings.Repeat("[", 20_000), "huge": `{"a":"` + strings.Repeat("a", 9<<20) + `"}`,
	}
}

// garbage checks that an unreadable response counts neither as an account nor as ErrNotFound,
// and is Unknown for a creation.
func (s Suite) garbage(t *testing.T) {
	for name, body := range garbageBodies() {
		Try(t, name, func(t *testing.T) {
			b := s.bench(t, patient)
			say := func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(body))
			}
			b.broken(say)
			for port, call := range b.ports() {
				b.hits.Store(0)
				err := call(t.Context())
				s.silent(t, err)
				if s.EmptyMeansNobody && (name == "empty" || name == "object") && errors.Is(err, vendors.ErrNotFound) {
					continue
				}
				if slices.Contains([]string{Find, List, Show, Courses}, port) && b.hits.Load() > 0 && (err == nil || errors.Is(err, vendors.ErrNotFound)) {
					t.Errorf("%s: got %v, want an error: the answer cannot be read", port, err)
				}
			}
			b.brokenWrites(say)
			if call, ok := b.ports()[Create]; ok && !slices.Contains(s.Repeatable, Create) {
				if err := call(t.Context()); !vendors.IsUnknown(err) {
					t.Errorf("create: got %v, want an error that says Unknown", err)
				}
			}
		})
	}
}

// lostAnswers checks that a write with a lost response is Unknown.
func (s Suite) lostAnswers(t *testing.T) {
	how := map[string]http.HandlerFunc{
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"id": 7,`))
		},
		"500": echo(http.StatusInternalServerError),
		"408": echo(http.StatusRequestTimeout),
	}
	for name, fault := range how {
		Try(t, name, func(t *testing.T) {
			b := s.bench(t, patient)
			b.brokenWrites(fault)
			for port, call := range b.ports() {
				b.hits.Store(0)
				err := call(t.Context())
				s.silent(t, err)
				if b.hits.Load() == 0 || (name == "half" && err == nil) { // no write, or the status was enough
					continue
				}
				if want := !s.repeatable(port); vendors.IsUnknown(err) != want {
					t.Errorf("%s: got %v, want Unknown to be %v", port, err, want)
				}
				if vendors.ClassOf(err) != vendors.Again {
					t.Errorf("%s: got class %v, want again", port, vendors.ClassOf(err))
				}
			}
		})
	}
}
