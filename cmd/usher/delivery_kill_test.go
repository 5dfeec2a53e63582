package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// TestKilledDelivery kills processes in the middle of deliveries with a thousand events each. The
// sender delivers again, and no event is missing or stored twice.
func TestKilledDelivery(t *testing.T) {
	t.Parallel()
	const events, kills = 1000, 3
	w := newWorld(t)
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_WORKER_ON=false")
	put(t, w.file, courses+`webhooks:
  crm:
    scheme: token
    header: X-Token
    secrets: [0123456789abcdef0123456789abcdef]
    event: {id: body.id, each: body.users, type: '"new"', types: {new: user.created}, data: {user_id: item.id, email: 'item.id + "@example.org"'}}
`)
	at := slices.IndexFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_NATS_URL=") })
	js := w.jetStream(strings.TrimPrefix(w.environ[at], "USHER_NATS_URL="))
	stored, before := 0, 20*time.Millisecond // before the kill, so that about half of the events are stored
	for delivery, killed := 0, 0; killed < kills; delivery++ {
		if delivery == 60 {
			t.Fatalf("%d of %d kills came in the middle", killed, kills)
		}
		body := deliveryOf(delivery, events)
		serve, ended := w.process()
		w.until("the endpoint is there", func() bool {
			code, err := redeliver(t, url, `{"id":"none","users":[]}`)
			_, missing := js.Stream(t.Context(), streams.EventsStream) // the endpoint takes an empty delivery before
			return err == nil && code == http.StatusAccepted && missing == nil
		})
		done := make(chan struct{})
		go func() { defer close(done); _, _ = redeliver(t, url, body) }()
		time.Sleep(before)
		if err := serve.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = natstest.Receive(t, "the end of the process", ended)
		<-done
		switch w.stored(js, streams.EventsStream) {
		case stored:
			before += before/2 + time.Millisecond
		case stored + events:
			before -= before / 3
		default:
			killed++
		}

		serve, ended = w.process()
		w.until("the repeat is accepted", func() bool { code, err := redeliver(t, url, body); return err == nil && code == http.StatusAccepted })
		if stored += events; w.stored(js, streams.EventsStream) != stored {
			t.Fatalf("%d events are stored, want %d", w.stored(js, streams.EventsStream), stored)
		}
		if err := serve.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = natstest.Receive(t, "the end of the process", ended)
	}
}

// deliveryOf returns a delivery with a number of users.
func deliveryOf(id, users int) string {
	list := make([]string, users)
	for i := range list {
		list[i] = fmt.Sprintf(`{"id":"u%d-%d"}`, id, i)
	}
	return fmt.Sprintf(`{"id":"d%d","users":[%s]}`, id, strings.Join(list, ","))
}

// redeliver posts a delivery, and returns the status.
func redeliver(t *testing.T, url, body string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/webhooks/crm", bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Token", "0123456789abcdef0123456789abcdef")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}
