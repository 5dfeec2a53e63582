package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/streams"
)

const (
	token  = "a-token-that-only-this-test-knows"
	secret = "a-secret-that-only-this-test-knows" // of a sender of webhooks
)

// overHTTP gives the world an endpoint, and returns its address.
func (w *world) overHTTP() string {
	addr := address(w.t)
	w.environ = append(w.environ, "USHER_HTTP_ADDR="+addr, "USHER_HTTP_TOKENS="+token)
	return "http://" + addr
}

// post posts a body with the token, and returns the status and the answer.
func (w *world) post(url, contentType, body string, header http.Header) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", contentType)
	return w.answer(req)
}

func (w *world) get(url string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.answer(req)
}

func (w *world) answer(req *http.Request) (int, string) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestEventsOverHTTP posts events in each mode, the same one over NATS as well.
func TestEventsOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	w.serve()
	one := cloudEvent(events.UserCreated, "h1", oneUser)
	for range 2 { // the second time it is taken, and stored once
		if status, body := w.post(url+"/events", events.ContentType, one, nil); status != http.StatusAccepted || !strings.Contains(body, `"h1"`) {
			t.Fatalf("got %d %s, want 202 and the id", status, body)
		}
	}
	if _, err := w.feed(one, "send", "-"); err != nil {
		t.Fatal(err)
	}
	w.expect("h1", everywhere)
	if _, err := w.feed(cloudEvent(events.UserDeleted, "h2", `{"user_id":"u1"}`), "send", "--via", "http", "--url", url, "--token", token, "-"); err != nil {
		t.Fatal(err)
	}
	w.expect("h2", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "unsupported"})

	var batch []string
	for i := range 1000 {
		batch = append(batch, cloudEvent(events.ActivityTracked, fmt.Sprint("a", i), fmt.Sprintf(`{"user_id":"u%d","name":"lesson.opened"}`, i)))
	}
	if status, body := w.post(url+"/events", events.BatchContentType, "["+strings.Join(batch, ",")+"]", nil); status != http.StatusAccepted {
		t.Fatalf("got %d %s for a batch of a thousand", status, body)
	}
	w.until("all thousand are recorded", func() bool {
		return w.happened("--type", events.ActivityTracked, "--vendor", "usermost", "--outcome", events.Done) == 1000
	})
	w.end()
}

// TestServerAnswersBeforeNATS looks at the endpoint while there is no NATS,
// and while EVENTS is full.
func TestServerAnswersBeforeNATS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url, nats := w.overHTTP(), address(t)
	w.environ = append(w.environ, "USHER_NATS_URL=nats://"+nats)
	w.begin()
	one := cloudEvent(events.UserCreated, "n1", oneUser)
	w.until("it is not ready, and says why", func() bool {
		status, body := w.get(url + "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, `"nats":"connecting"`)
	})
	if status, _ := w.get(url + "/healthz"); status != http.StatusOK {
		t.Errorf("got %d of /healthz, want 200", status)
	}
	if status, body := w.post(url+"/events", events.ContentType, one, nil); status != http.StatusServiceUnavailable {
		t.Errorf("got %d %s without NATS, want 503", status, body)
	}
	w.natsServer(listening(t, nats))
	w.until("it is ready", func() bool { status, _ := w.get(url + "/readyz"); return status == http.StatusOK })
	if status, body := w.post(url+"/events", events.ContentType, one, nil); status != http.StatusAccepted {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	w.expect("n1", everywhere)

	js := w.jetStream("nats://" + nats)
	stream, err := js.Stream(t.Context(), streams.EventsStream)
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	c.MaxMsgs = 1
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if status, body := w.post(url+"/events", events.ContentType, cloudEvent(events.UserCreated, "n2", oneUser), nil); status != http.StatusServiceUnavailable {
		t.Errorf("got %d %s with a full stream, want 503", status, body)
	}
	w.end()
}

// jetStream is a way to a server's streams of the test's own.
func (w *world) jetStream(url string) jetstream.JetStream {
	w.t.Helper()
	nc, err := natsconn.Connect(w.t.Context(), natsconn.Options{URL: url, Name: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	return js
}

// crm is a sender of signed deliveries; %s is where it has the user's id.
const crm = courses + `
webhooks:
  crm:
    scheme: standard
    secrets: ["whsec_%s"]
    event:
      type: body.type
      types: {contact.new: user.created}
      data: {user_id: %s, email: body.contact.mail}
`

// deliver signs a payload by Standard Webhooks and delivers it.
func (w *world) deliver(url, id, body string) (int, string) {
	now := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s.%s", id, now, body)
	return w.post(url+"/webhooks/crm", "application/json", body, http.Header{
		"Webhook-Id": {id}, "Webhook-Timestamp": {now}, "Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	})
}

// TestSignedDeliveries sends deliveries under a mapping that is wrong at first:
// what could not become an event is a dead letter, and becomes one once the
// mapping is mended.
func TestSignedDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	configure := func(path string) {
		w.file = filepath.Join(t.TempDir(), "usher.yaml")
		text := fmt.Sprintf(crm, base64.StdEncoding.EncodeToString([]byte(secret)), path)
		if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("body.contact.number")
	w.serve()
	const payload = `{"type":"contact.new","contact":{"id":"u1","mail":"ann@example.org"}}`
	if status, body := w.deliver(url, "d1", payload); status != http.StatusAccepted || !strings.Contains(body, `"accepted":[]`) || strings.Contains(body, "ann@") {
		t.Fatalf("got %d %s, want 202 without anything of the payload", status, body)
	}
	if status, body := w.deliver(url, "d2", `{"type":"contact.seen"}`); status != http.StatusAccepted {
		t.Errorf("got %d %s for a type that is not mapped, want 202", status, body)
	}
	large := `{"type":"contact.new","contact":{"id":"u2"},"text":"` + strings.Repeat("x", 900<<10) + `"}`
	if status, body := w.deliver(url, "d3", large); status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s for what is too large to be kept, want 413: the sender has to keep it", status, body)
	}
	if status, _ := w.post(url+"/webhooks/crm", "application/json", payload, nil); status != http.StatusUnauthorized {
		t.Errorf("got %d without a signature, want 401", status)
	}
	var list []letter
	if err := json.Unmarshal([]byte(w.must("dead", "list", "--json", "--vendor", "webhooks")), &list); err != nil || len(list) != 2 {
		t.Fatalf("got dead letters %v (%v), want two of crm", list, err)
	}
	if strings.Contains(list[0].Message, "too large") {
		slices.Reverse(list)
	}
	w.must("dead", "drop", list[1].ID, "--reason", "only a digest")
	if out := w.must("dead", "replay", "--dry-run", list[0].ID); !strings.Contains(out, "would be refused again") {
		t.Errorf("before the mapping is mended the dry run says %s", out)
	}
	configure("body.contact.id")
	if out := w.must("dead", "replay", "--dry-run", list[0].ID); !strings.Contains(out, "would become an event") {
		t.Errorf("after the mapping is mended the dry run says %s", out)
	}
	w.must("dead", "replay", list[0].ID, "--reason", "the mapping is mended")
	w.expect("d1", everywhere)
	if left := strings.TrimSpace(w.must("dead", "list", "--json")); left != "[]" {
		t.Errorf("got dead letters %s, want none", left)
	}
	w.end()
}
