package ingest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

const (
	hostileSize = 8 << 20  // bytes of a hostile body, the limit of the endpoint in this test
	mostMemory  = 64 << 20 // bytes that one request may allocate in all: a few times the body
)

// hostileJSON returns JSON with few bytes for each value, for a member or a whole document.
func hostileJSON(size int) map[string]string {
	fill := func(begin, unit, end string) string {
		return begin + strings.Repeat(unit, (size-len(begin+end))/len(unit)) + end
	}
	var names strings.Builder
	names.WriteString("{")
	for i := 0; names.Len() < size; i++ {
		fmt.Fprintf(&names, `"%x":0,`, i)
	}
	return map[string]string{
		"empty lists": fill("[", "[],", "0]"), "empty objects": fill("[", "{},", "0]"), "nulls": fill("[", "null,", "0]"),
		"objects": fill("[", `{"a":[]},`, "0]"), "one name": fill("{", `"a":0,`, `"a":0}`), "names": names.String() + `"":0}`,
		"brackets": fill("", "[", ""), "braces": fill("", `{"a":`, ""), "deep lists": fill("[", strings.Repeat("[", 60)+strings.Repeat("]", 60)+",", "0]"),
		"digits": fill("[", "1", "]"), "numbers": fill("[", "1,", "1]"), "a string": fill(`"`, "a", `"`), "escapes": fill(`"`, `\u0061`, `"`),
		"quotes": fill(`"`, `\"`, ""), "white space": fill("", " \n", ""), "commas": fill("[", ",", "]"), "wrong UTF-8": fill(`"`, "\xff", `"`),
	}
}

// hostileRequests returns a JSON text in each form of a request.
func hostileRequests(text string) map[string]request {
	event := func(member string) string {
		return `{"specversion":"1.0","id":"e1","source":"/school","type":"user.created",` + member + `}`
	}
	binary := []string{"Ce-Specversion", "1.0", "Ce-Id", "e1", "Ce-Source", "/school", "Ce-Type", "user.created"}
	return map[string]request{
		"structured":    post(structured, event(`"data":`+text)),
		"whole":         post(structured, text),
		"batch":         post(batch, text),
		"event of many": post(batch, "["+event(`"data":`+text)+"]"),
		"many events":   post(batch, "["+strings.TrimSuffix(strings.Repeat(event(`"data":`+text[:min(len(text), 4000)])+",", 1000), ",")+"]"),
		"binary":        post("application/json", text, binary...),
		"base64":        post(structured, event(`"datacontenttype":"application/json","data_base64":"`+base64.StdEncoding.EncodeToString([]byte(text[:len(text)/2]))+`"`)),
		"delivery":      {http.MethodPost, "/webhooks/real", headers("Signature", "right", "Webhook-Id", "d1"), text},
		"in a delivery": {http.MethodPost, "/webhooks/real", headers("Signature", "right", "Webhook-Id", "d1"), `{"type":"user","user":{"id":"ada"},"note":` + text + `}`},
	}
}

// hostileEndpoint returns an endpoint with a mapping in CEL and a limit of 8 MiB, as with a
// max_payload of NATS of that size.
func hostileEndpoint(t testing.TB) http.Handler {
	t.Helper()
	m, err := mapping.New("real", mapping.Config{
		Type: "body.type", Types: map[string]string{"user": events.UserCreated},
		Data: map[string]string{"user_id": "body.user.id", "email": `body.user.?email.orValue("ada@example.org")`, "attributes": `{"note": body.?note.orValue(null)}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := config()
	c.MaxBody, c.Rate = 2*hostileSize, 0
	c.Webhooks["real"] = ingest.Webhook{Verifier: signedBy("right"), Mapper: m}
	return endpoint(t, c, &fakeStream{most: 2 * hostileSize})
}

// TestHostileBodiesCostLittle posts hostile bodies of 8 MiB and of just below 1 MiB. The test
// counts all memory allocated by the process, so no other test may run at the same time.
func TestHostileBodiesCostLittle(t *testing.T) {
	h := hostileEndpoint(t)
	for _, size := range []int{hostileSize, 1<<20 - 1<<10} {
		for name, text := range hostileJSON(size) {
			for form, r := range hostileRequests(text) {
				if size == hostileSize && !slices.Contains([]string{"structured", "event of many", "delivery"}, form) {
					continue // the other forms of 8 MiB end in the same places, at a second each
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				code := ask(h, r).Code
				runtime.ReadMemStats(&after)
				if got := after.TotalAlloc - before.TotalAlloc; got > mostMemory {
					t.Errorf("%d KiB of %s, %s: %d MiB were allocated, want at most %d MiB", size>>10, name, form, got>>20, mostMemory>>20)
				}
				if code >= http.StatusInternalServerError {
					t.Errorf("%d KiB of %s, %s: got status %d", size>>10, name, form, code)
				}
			}
		}
	}
}
