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
