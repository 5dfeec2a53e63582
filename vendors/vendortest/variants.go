package vendortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// variant is another form of a response, with the same meaning.
type variant func(r *http.Request, status int, body []byte) (int, []byte)

// whenJSON returns a variant that changes every JSON value of a body.
func whenJSON(change func(value any) any) variant {
	return func(_ *http.Request, status int, body []byte) (int, []byte) {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var tree any
		if d.Decode(&tree) != nil {
			return status, body
		}
		changed, err := json.Marshal(each(tree, change))
		if err != nil {
			return status, body
		}
		return status, changed
	}
}

// each changes every value of a JSON tree, from the leaves on.
func each(value any, change func(any) any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = each(value[i], change)
		}
	case map[string]any:
		for name := range value {
			value[name] = each(value[name], change)
		}
	}
	return change(value)
}

// numbers returns a variant that changes every whole number.
func numbers(change func(digits string) any) variant {
	return whenJSON(func(value any) any {
		if n, ok := value.(json.Number); ok {
			if _, err := n.Int64(); err == nil {
				return change(n.String())
			}
		}
		return value
	})
}

// around returns a variant with text around every body.
func around(before, after string) variant {
	return func(_ *http.Request, status int, body []byte) (int, []byte) {
		return status, slices.Concat([]byte(before), body, []byte(after))
	}
}

// withoutBody returns a variant with another body in each successful response to a change.
func (s Suite) withoutBody(status int, body string) variant {
	return func(r *http.Request, healthy int, full []byte) (int, []byte) {
		if s.reads(r) || healthy > 299 {
			return healthy, full
		}
		return status, []byte(body)
	}
}

// objectOf returns the list as PHP writes a list whose keys are step apart.
func objectOf(step int) func(any) any {
	return func(value any) any {
		list, ok := value.([]any)
		if !ok {
			return value
		}
		object := map[string]any{}
		for i, item := range list {
			object[strconv.Itoa(i*step)] = item
		}
		return object
	}
}

// emptyList returns an empty object as PHP does: as a list.
func emptyList(value any) any {
	if object, ok := value.(map[string]any); ok && len(object) == 0 {
		return []any{}
	}
	return value
}

// forms returns forms of responses seen at vendors.
func (s Suite) forms() map[string]variant {
	return map[string]variant{
		"byte order mark": around("\ufeff", ""), "two marks": around("\ufeff\ufeff", ""), "mark after blanks": around("\r\n\ufeff \n", "\r\n"),
		"blanks": around("\n\n\t", " \r\n"), "lists as objects": whenJSON(objectOf(1)), "lists with gaps": whenJSON(objectOf(7)),
		"empty objects as lists": whenJSON(emptyList),
		"numbers as text":        numbers(func(n string) any { return n }), "numbers as spaced text": numbers(func(n string) any { return " " + n }),
		"numbers with a point": numbers(func(n string) any { return json.Number(n + ".0") }), "text with a point": numbers(func(n string) any { return n + ".00" }),
		"204": s.withoutBody(http.StatusNoContent, ""), "200 with nothing": s.withoutBody(http.StatusOK, ""),
		"blanks for nothing": s.withoutBody(http.StatusOK, " \r\n"), "201 with a mark alone": s.withoutBody(http.StatusCreated, "\ufeff"),
		"null for nothing": s.withoutBody(http.StatusOK, "null"),
	}
}

// answer lets a variant of the healthy response answer all calls that are not a log-in, and counts
// the calls that change something.
func (b *bench) answer(v variant) {
	f := func(w http.ResponseWriter, r *http.Request) bool {
		if !b.reads(r) {
			b.hits.Add(1)
		}
		recorder := httptest.NewRecorder()
		b.healthy.ServeHTTP(recorder, r)
		status, body := v(r, recorder.Code, recorder.Body.Bytes())
		maps.Copy(w.Header(), recorder.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return true
	}
	b.breakIt.Store(&f)
}

// variants checks that every port understands every variant: with the result, and the number of
// changing calls, of the vendor's own response.
func (s Suite) variants(t *testing.T) {
	plain := func(_ *http.Request, status int, body []byte) (int, []byte) { return status, body }
	for name, v := range s.forms() {
		Try(t, name, func(t *testing.T) {
			for _, port := range slices.Sorted(maps.Keys(s.bench(t, patient).ports())) {
				made, want := s.answered(t, port, plain)
				got, err := s.answered(t, port, v)
				s.silent(t, err)
				if got != made {
					t.Errorf("%s: got %d changing calls, want %d", port, got, made)
				}
				created := port == Create && vendors.IsUnknown(err) // an id is needed, and was looked up
				if (err == nil) != (want == nil) && !created {
					t.Errorf("%s: got %v, want %v", port, err, want)
				}
			}
		})
	}
}

// answered calls a port of a new bench whose vendor answers by a variant.
func (s Suite) answered(t *testing.T, port string, v variant) (changes int64, err error) {
	t.Helper()
	b := s.bench(t, patient)
	b.answer(v)
	err = b.ports()[port](t.Context())
	changes = b.hits.Load()
	if port == Create && vendors.IsUnknown(err) {
		if _, lookup := portOf[vendors.Finder](b.adapter).Find(t.Context(), stranger); lookup != nil {
			t.Errorf("got %v after a creation without a body, want the account to be found", lookup)
		}
	}
	return changes, err
}

// nobody checks that a response without an account means that there is none, as long as the vendor
// shows other accounts.
func (s Suite) nobody(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "blanks": " \n", "null": "null", "object": "{}", "list": "[]",
		"member": `{"user":null}`, "PHP's member": `{"user":[],"status":200}`, "a marked member": "\ufeff{\"data\":{}}",
	} {
		Try(t, name, func(t *testing.T) {
			b := s.bench(t, patient)
			b.answer(func(r *http.Request, status int, full []byte) (int, []byte) {
				if b.reads(r) && status == http.StatusNotFound {
					return http.StatusOK, []byte(body)
				}
				return status, full
			})
			for what, err := range s.lookups(t.Context(), b) {
				if err != nil && !errors.Is(err, vendors.ErrNotFound) {
					t.Errorf("%s: got %v, want no such account", what, err)
				}
			}
		})
	}
}

// lookups looks up a person without an account, in each way.
func (s Suite) lookups(ctx context.Context, b *bench) map[string]error {
	out := map[string]error{}
	missing := vendors.Account{ID: "987654321", Email: stranger.Email}
	if p, ok := vendors.Port[vendors.Finder](b.adapter); ok {
		_, out[Find] = p.Find(ctx, stranger)
		if out[Find] == nil {
			out[Find] = errors.New("an account")
		}
	}
	if p, ok := vendors.Port[vendors.Lister](b.adapter); ok {
		_, out[Show] = p.Show(ctx, missing)
		if out[Show] == nil {
			out[Show] = errors.New("an account")
		}
	}
	if p, ok := vendors.Port[vendors.Deprovisioner](b.adapter); ok {
		out[Delete] = p.Delete(ctx, origin, missing)
	}
	return out
}
