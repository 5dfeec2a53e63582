package scim_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// TestHostileLists reads lists of three megabytes that decode to far more: each is an error, and the bytes
// allocated on the way stay a small multiple of the text.
func TestHostileLists(t *testing.T) {
	const size, most = 3 << 20, 64 << 20 // a larger body is refused unread
	fill := func(before, each, after string) string {
		return before + strings.Repeat(each+",", size/(len(each)+1)) + each + after
	}
	const head = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"Resources":[`
	for name, body := range map[string]string{
		"empty objects":       fill(head, `{}`, `]}`),
		"empty arrays":        fill(head, `[]`, `]}`),
		"nulls":               fill(head, `null`, `]}`),
		"members":             fill(head+`{"id":"1","userName":"ada@example.org","emails":[`, `{}`, `]}]}`),
		"another member":      fill(`{"totalResults":1,"more":[`, `[]`, `],"Resources":[]}`),
		"a deep list":         head + strings.Repeat("[", size),
		"an array at the top": fill(`[`, `[]`, `]`),
	} {
		for _, zipped := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/scim+json")
					if !zipped {
						_, _ = io.WriteString(w, body)
						return
					}
					w.Header().Set("Content-Encoding", "gzip")
					z := gzip.NewWriter(w)
					_, _ = io.WriteString(z, body)
					_ = z.Close()
				})
				a, err := scim.New(config(vendors.Settings{BaseURL: "http://scim.test/v2", HTTP: memnet.Serve(t, server), SingleAttempt: true, Timeout: time.Minute}))
				if err != nil {
					t.Fatal(err)
				}
				for call, do := range map[string]func() error{
					"List": func() error { return a.List(t.Context(), func(vendors.Listed) error { return nil }) },
					"Find": func() error { _, err := a.Find(t.Context(), ada); return err },
				} {
					before := allocated()
					err := do()
					if used := allocated() - before; used > most {
						t.Errorf("%s allocated %d MiB for a list of %d MiB", call, used>>20, size>>20)
					}
					if err == nil || errors.Is(err, vendors.ErrNotFound) {
						t.Errorf("%s got %v, want an error that proves nothing", call, err)
					}
				}
			})
		}
	}
}

// allocated returns the bytes allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
