package vendors_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// TestOnceIsSentOnce makes a call on a connection that was used before, and ends
// without an answer.
func TestOnceIsSentOnce(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthy" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		sent.Add(1)
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			t.Errorf("got a body: %d bytes, %v", r.ContentLength, r.TransferEncoding)
		}
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	c := vendors.NewClient("acme", vendors.Options{BaseURL: server.URL}, nil)
	if err := c.Do(t.Context(), vendors.Call{Op: "get", Method: http.MethodGet, Path: "/healthy"}); err != nil {
		t.Fatal(err)
	}
	err := c.Do(t.Context(), vendors.Call{Op: "end it", Method: http.MethodGet, Path: "/", Once: true})
	if !vendors.IsUnknown(err) || sent.Load() != 1 {
		t.Errorf("got %v after %d calls, want an Unknown error after one", err, sent.Load())
	}
}

// TestConnectionsAreUsedAgain makes many calls at a time, twice: the second time
// on the connections of the first.
func TestConnectionsAreUsedAgain(t *testing.T) {
	const calls = 200
	var dialled atomic.Int64
	var together sync.WaitGroup // so that each call has a connection of its own
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait()
		w.WriteHeader(http.StatusNoContent)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			dialled.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := vendors.NewClient("acme", vendors.Options{BaseURL: server.URL}, nil)
	for range 2 {
		together.Add(calls)
		var made sync.WaitGroup
		for range calls {
			made.Go(func() {
				if err := c.Do(t.Context(), vendors.Call{Op: "get", Method: http.MethodGet, Path: "/"}); err != nil {
					t.Error(err)
				}
			})
		}
		made.Wait()
	}
	if got := dialled.Load(); got != calls {
		t.Errorf("%d connections, want %d", got, calls)
	}
}
