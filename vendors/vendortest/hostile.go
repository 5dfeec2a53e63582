package vendortest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/vendors"
)

const (
	hostileSize = 4<<20 - 1<<10 // bytes of a hostile body after decompression, just below the limit of vendors.Client
	mostMemory  = 64 << 20      // bytes that one call may allocate in all, fake vendor included
	overfull    = 5000          // items of a list, far more than a page has
)

// hostileBodies returns bodies with few bytes on the wire, or with much memory in decoded form.
func hostileBodies() map[string]string {
	fill := func(begin, unit, end string) string {
		return begin + strings.Repeat(unit, (hostileSize-len(begin+end))/len(unit)) + end
	}
	list := func(begin, end string) string { return fill(begin, "{},", "{}]"+end) }
	return map[string]string{
		"empty lists": fill(`{"message":[`, "[],", "[]]}"), "too large": `{"message":[` + strings.Repeat("[],", 8<<20/3) + "[]]}",
		"nulls": fill(`{"data":[`, "null,", "null]}"),
		"list":  list("[", ""), "data": list(`{"data":[`, "}"), "records": list(`{"records":[`, "}"),
		"users": list(`{"users":[`, "}"), "users of a page": list(`{"users":{"data":[`, "}}"),
		"response":    list(`{"response":{"status":"success","data":[`, "}}"),
		"custom data": fill(`{"id":7,"custom_data":{"a":[`, "[],", "[]]}}"),
		"members":     fill(`{"errors":{`, `"a":0,`, `"a":0}}`),
		"open lists":  fill("", "[", ""), "deep": fill("[", strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+",", "0]"),
		"string": fill(`{"message":"`, "a", `"}`), "escapes": fill(`{"id":"`, `\u0061`, `"}`),
		"number": fill(`{"id":`, "1", `,"message":1}`), "numbers": fill(`{"message":[`, "1,", `1]}`),
		"half a string": fill(`{"message":"`, `\"`, ""), "spaces": fill("", " ", ""),
	}
}

// compressed returns a body compressed by gzip.
func compressed(t *testing.T, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hostile checks that no response costs more than mostMemory. The group counts all memory allocated
// by the process meanwhile, so no other test may run at the same time.
func (s Suite) hostile(t *testing.T) {
	for name, body := range hostileBodies() {
		packed := compressed(t, body)
		for _, status := range []int{http.StatusOK, http.StatusUnprocessableEntity} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				s.frugal(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Encoding", "gzip")
					w.WriteHeader(status)
					_, _ = w.Write(packed)
				})
			})
		}
	}
	t.Run("endless", func(t *testing.T) { s.frugal(t, endless) })
	t.Run("overfull", s.overfull)
}

// endless answers with elements of a list until the client hangs up.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat("[],", 10_000))
	for _, err := w.Write([]byte(`{"data":[`)); err == nil; {
		_, err = w.Write(chunk)
	}
}

// frugal calls every port with the answer, and checks the memory of each port per call.
func (s Suite) frugal(t *testing.T, answer http.HandlerFunc) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := s.bench(t, patient)
		b.broken(answer)
		for port, call := range b.ports() {
			b.hits.Store(0)
			bytes, err := allocated(t.Context(), call)
			s.silent(t, err)
			if hits := uint64(b.hits.Load()); hits > 0 && bytes/hits > mostMemory {
				t.Errorf("%s: %d MiB were allocated for each of %d calls, want at most %d MiB", port, bytes/hits>>20, hits, mostMemory>>20)
			}
		}
	})
}

// allocated returns the number of bytes that the process allocates during a call.
func allocated(ctx context.Context, call func(context.Context) error) (uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := call(ctx)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// overfull checks that List takes no page with far more items than requested.
func (s Suite) overfull(t *testing.T) {
	if s.Unpaged {
		return // no number of items was requested
	}
	items := strings.TrimSuffix(strings.Repeat(`{"id":7},`, overfull), ",")
	for name, body := range map[string]string{
		"data": `{"current_page":1,"last_page":1,"data":[%s]}`, "records": `{"page":1,"total":1,"records":[%s]}`,
		"users": `{"users":[%s]}`, "users of a page": `{"users":{"current_page":1,"last_page":1,"data":[%s]}}`,
	} {
		Try(t, name, func(t *testing.T) {
			b := s.bench(t, patient)
			l, ok := vendors.Port[vendors.Lister](b.adapter)
			if !ok {
				return
			}
			b.broken(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintf(w, body, items) })
			seen := 0
			err := l.List(t.Context(), func(vendors.Listed) error { seen++; return nil })
			if err == nil || seen > 0 {
				t.Errorf("got %d items and %v, want an error", seen, err)
			}
		})
	}
}
