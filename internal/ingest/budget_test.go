package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// half is a body that stops before its last byte, until ctx ends.
type half struct {
	ctx  context.Context
	left int
}

func (h *half) Read(b []byte) (int, error) {
	n := min(len(b), h.left)
	if n == 0 {
		<-h.ctx.Done()
		return 0, h.ctx.Err()
	}
	h.left -= n
	return n, nil
}

// from serves a request with a body from an address, and returns the answer.
func from(h http.Handler, address string, header http.Header, body io.Reader) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "http://usher.test/webhooks/crm", body)
	req.Header, req.RemoteAddr = header, address+":1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// Strangers who use up the budget of unsigned bodies must not fill the log.
func TestBusyAnswersAreNotInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := config()
		c.MaxBody = 1 << 20
		h := ingest.New(c, ingest.Deps{Stream: &fakeStream{}, Log: zerolog.New(&log).Level(zerolog.InfoLevel)})
		ctx, hangUp := context.WithCancel(t.Context())
		answers := make(chan int, 90)
		for range cap(answers) {
			go func() { answers <- from(h, "192.0.2.1", headers(), &half{ctx: ctx, left: 1<<20 - 1}).Code }()
		}
		synctest.Wait()
		if len(answers) == 0 {
			t.Fatal("got no answer 503")
		}
		hangUp()
		synctest.Wait()
		if log.Len() > 0 {
			t.Errorf("got %d bytes in the log, first %.200s", log.Len(), log.String())
		}
	})
}

// TestUnsignedBodiesHaveABudget lets 90 bodies of 1 MiB stop before their end.
func TestUnsignedBodiesHaveABudget(t *testing.T) {
	for name, test := range map[string]struct {
		address func(i int) string
		most    int // unsigned bodies in hand
	}{
		"from one address":  {func(int) string { return "192.0.2.1" }, 2},
		"from 90 addresses": {func(i int) string { return fmt.Sprint("192.0.2.", i) }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := config()
				c.MaxBody = 1 << 20
				h := endpoint(t, c, &fakeStream{})
				ctx, hangUp := context.WithCancel(t.Context())
				answers := make(chan *httptest.ResponseRecorder, 90)
				for i := range 90 {
					go func() {
						answers <- from(h, test.address(i), headers(), &half{ctx: ctx, left: 1<<20 - 1})
					}()
				}
				synctest.Wait()
				if got := 90 - len(answers); got == 0 || got > test.most {
					t.Errorf("got %d MiB of unsigned bodies in hand, want %d at most", got, test.most)
				}
				for range len(answers) {
					if w := <-answers; w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
						t.Errorf("got status %d and Retry-After %q, want 503 and 1", w.Code, w.Header().Get("Retry-After"))
					}
				}
				signed := headers("Signature", "right", "Webhook-Id", "d1")
				const delivery = `{"type":"user","user":"ada","email":"ada@example.org"}`
				if name == "from one address" {
					if got := from(h, "198.51.100.7", signed, strings.NewReader(delivery)).Code; got != http.StatusAccepted {
						t.Errorf("got status %d for a delivery from another address, want 202", got)
					}
				}
				hangUp()
				synctest.Wait()
				large := delivery[:len(delivery)-1] + `,"note":"` + strings.Repeat("a", 1<<19) + `"}`
				if got := from(h, "192.0.2.1", signed, strings.NewReader(large)).Code; got != http.StatusAccepted {
					t.Errorf("got status %d after the senders hung up, want 202", got)
				}
			})
		})
	}
}

// TestBodiesOfAClientHaveABudget lets a client with a token send half bodies.
func TestBodiesOfAClientHaveABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config()
		c.MaxBody = 1 << 20
		h := endpoint(t, c, &fakeStream{})
		ctx, hangUp := context.WithCancel(t.Context())
		post := func(token string, body io.Reader) int {
			req := httptest.NewRequest(http.MethodPost, "http://usher.test/events", body)
			req.Header = headers("Content-Type", structured, "Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			return w.Code
		}
		statuses := make(chan int, 90)
		for range 90 {
			go func() {
				statuses <- post("token-of-the-crm-only-00", &half{ctx: ctx, left: 1<<20 - 1})
			}()
		}
		synctest.Wait()
		if got := 90 - len(statuses); got == 0 || got > 8 {
			t.Errorf("got %d MiB of one client in hand, want 8 at most", got)
		}
		if got := post("token-of-one-who-may-all", strings.NewReader(created)); got != http.StatusAccepted {
			t.Errorf("got status %d for another client, want 202", got)
		}
		hangUp()
		for range 90 {
			if got := <-statuses; got != http.StatusServiceUnavailable && got != http.StatusBadRequest {
				t.Errorf("got status %d, want 503 without room and 400 for half a body", got)
			}
		}
	})
}

// slowMapper counts the deliveries in decoding, until ctx ends.
type slowMapper struct {
	ctx context.Context
	now *atomic.Int64
}

func (m slowMapper) Map(id string, h http.Header, body []byte) ([]mapping.Outcome, error) {
	m.now.Add(1)
	<-m.ctx.Done()
	return mapper{}.Map(id, h, body)
}

// TestFewLargeBodiesAreDecodedAtATime sends more large deliveries than there are places.
func TestFewLargeBodiesAreDecodedAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, goOn := context.WithCancel(t.Context())
		var now atomic.Int64
		c := config()
		c.MaxBody, c.StoreTime = 1<<20, time.Hour
		c.Webhooks = map[string]ingest.Webhook{"crm": {Verifier: signedBy("right"), Mapper: slowMapper{ctx, &now}}}
		h := endpoint(t, c, &fakeStream{})
		var ended sync.WaitGroup
		for i := range 20 {
			ended.Go(func() {
				body := `{"type":"user","user":"ada","email":"ada@example.org","note":"` + strings.Repeat("a", 64<<10) + `"}`
				signed := headers("Signature", "right", "Webhook-Id", fmt.Sprint("d", i))
				if got := from(h, "192.0.2.1", signed, strings.NewReader(body)).Code; got != http.StatusAccepted {
					t.Errorf("got status %d, want 202", got)
				}
			})
		}
		synctest.Wait()
		if got := now.Load(); got != 4 {
			t.Errorf("got %d large bodies in decoding, want 4", got)
		}
		goOn()
		ended.Wait()
	})
}

// TestWebhookHasALimitOfItsOwn sends a delivery above the limit of one of two web hooks.
func TestWebhookHasALimitOfItsOwn(t *testing.T) {
	c := config()
	c.Webhooks["small"] = ingest.Webhook{Verifier: signedBy("right"), Mapper: mapper{}, MaxBody: 100}
	c.Webhooks["large"] = ingest.Webhook{Verifier: signedBy("right"), Mapper: mapper{}, MaxBody: 64 << 10}
	h := endpoint(t, c, &fakeStream{})
	body := `{"type":"user","user":"ada","email":"ada@example.org","note":"` + strings.Repeat("a", 8<<10) + `"}`
	for name, want := range map[string]int{"small": 413, "crm": 413, "large": 202} {
		if got := ask(h, request{http.MethodPost, "/webhooks/" + name, headers("Signature", "right", "Webhook-Id", "d"), body}).Code; got != want {
			t.Errorf("got status %d of /webhooks/%s, want %d", got, name, want)
		}
	}
}

// TestConnectionsAreLimited opens more connections than allowed, and asks on a further one.
func TestConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limits()
		c.Most, c.Header, c.Idle = 3, time.Hour, time.Hour
		l, _ := serve(t, c, endpoint(t, config(), &fakeStream{}))
		var first []io.Closer
		for range 10 {
			conn := dial(t, l)
			first = append(first, conn)
			if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\n"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if got := healthy(t, l); got != http.StatusOK {
			t.Errorf("got status %d beside waiting connections, want 200", got)
		}
		for _, conn := range first {
			_ = conn.Close()
		}
	})
}

// healthy returns the status of /healthz on a connection of its own.
func healthy(t *testing.T, l *memnet.Listener) int {
	t.Helper()
	conn := dial(t, l)
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: usher.test\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("got %.40q", answer)
		return 0
	}
	return http.StatusOK
}

// Four addresses leave room for the bodies of a fifth.
func TestFewAddressesLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config()
		c.Rate = 10_000
		h := endpoint(t, c, &fakeStream{})
		ctx, hangUp := context.WithCancel(t.Context())
		for i := range 4 * 150 {
			go func() { from(h, fmt.Sprint("192.0.2.", i%4), headers(), &half{ctx: ctx, left: 10}) }()
		}
		synctest.Wait()
		const delivery = `{"type":"user","user":"ada","email":"ada@example.org"}`
		if got := from(h, "198.51.100.7", headers("Signature", "right", "Webhook-Id", "d1"), strings.NewReader(delivery)).Code; got != http.StatusAccepted {
			t.Errorf("got status %d for a delivery from a fifth address, want 202", got)
		}
		hangUp()
		synctest.Wait()
	})
}
