package ingest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/internal/ingest"
)

const delivery = `{"type":"user","user":"ada","email":"ada@example.org"}`

// TestUnsignedDeliveriesUseNoBudgetOfTheSender floods a web hook with wrong signatures.
func TestUnsignedDeliveriesUseNoBudgetOfTheSender(t *testing.T) {
	proxies, err := clientlimit.ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		proxies clientlimit.Proxies
		flood   int // unsigned deliveries
		genuine string
		want    int
	}{
		"behind one address":      {nil, 99, "198.51.100.7", http.StatusAccepted},
		"above the limit of both": {nil, 100, "198.51.100.7", http.StatusTooManyRequests},
		"behind a trusted proxy":  {proxies, 100, "198.51.100.7", http.StatusAccepted},
		"the address of a flood":  {proxies, 100, "192.0.2.1", http.StatusTooManyRequests},
		"an address made up":      {proxies, 100, "198.51.100.7, 192.0.2.1", http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := config()
				c.Rate, c.Proxies = 10, test.proxies
				h := endpoint(t, c, &fakeStream{})
				for range test.flood {
					from(h, "10.0.0.1", headers("X-Forwarded-For", "192.0.2.1"), strings.NewReader(delivery))
				}
				signed := headers("Signature", "right", "Webhook-Id", "d1", "X-Forwarded-For", test.genuine)
				if got := from(h, "10.0.0.1", signed, strings.NewReader(delivery)).Code; got != test.want {
					t.Errorf("got status %d, want %d", got, test.want)
				}
			})
		})
	}
}

// TestSignedDeliveriesHaveALimit sends more deliveries than the rate from several addresses.
func TestSignedDeliveriesHaveALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config()
		c.Rate = 10
		h := endpoint(t, c, &fakeStream{})
		accepted := 0
		for i := range 30 {
			if from(h, fmt.Sprint("192.0.2.", i), headers("Signature", "right", "Webhook-Id", fmt.Sprint(i)), strings.NewReader(delivery)).Code == http.StatusAccepted {
				accepted++
			}
		}
		if accepted != 10 {
			t.Errorf("got %d deliveries accepted at once, want 10", accepted)
		}
	})
}

// TestQuotas lets a client use up a quota, and another one send on.
func TestQuotas(t *testing.T) {
	for name, quota := range map[string]ingest.Quota{"events": {Events: 6}, "bytes": {Bytes: 6 * len(created)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := config()
				c.Clients[0].Quota = quota
				h := endpoint(t, c, &fakeStream{})
				for i := range 6 {
					if got := ask(h, post(structured, created)).Code; got != http.StatusAccepted {
						t.Errorf("event %d: got status %d, want 202", i, got)
					}
				}
				w := ask(h, post(structured, created))
				if after, _ := strconv.Atoi(w.Header().Get("Retry-After")); w.Code != http.StatusTooManyRequests || after < 500 || after > 600 {
					t.Errorf("got status %d and Retry-After %d, want 429 and some 10 minutes", w.Code, after)
				}
				other := request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer token-of-the-crm-only-00"), strings.Replace(created, "/school", "/crm", 1)}
				if got := ask(h, other).Code; got != http.StatusAccepted {
					t.Errorf("got status %d for another client, want 202", got)
				}
				time.Sleep(10 * time.Minute)
				if got := ask(h, post(structured, created)).Code; got != http.StatusAccepted {
					t.Errorf("got status %d ten minutes later, want 202", got)
				}
			})
		})
	}
}
