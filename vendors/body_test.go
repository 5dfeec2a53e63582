package vendors_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
)

// gate is the rest of a large body: nothing comes before the end of ctx.
type gate struct {
	ctx     context.Context
	arrived func()
}

// Read waits for the end of ctx.
func (g gate) Read([]byte) (int, error) {
	if g.ctx.Err() == nil {
		g.arrived()
	}
	<-g.ctx.Done()
	return 0, g.ctx.Err()
}

// after calls read once the reader before is at its end.
type after func()

// Read calls the function.
func (f after) Read([]byte) (int, error) { f(); return 0, io.EOF }

// Large bodies wait for the room of the client and of the process.
func TestLargeBodiesWait(t *testing.T) {
	for name, test := range map[string]struct{ clients, want int }{"a client": {1, 2}, "the process": {9, 9 + 4}} {
		t.Run(name, func(t *testing.T) {
			const each = 3
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var large atomic.Int64
			var started, inside, ended sync.WaitGroup
			started.Add(test.clients * each)
			inside.Add(test.want)
			arrived := func() {
				if large.Add(1) <= int64(test.want) {
					inside.Done()
				}
			}
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				res := answer(r, 200, "")
				small := strings.NewReader(strings.Repeat(" ", 64<<10-1))
				res.Body = io.NopCloser(io.MultiReader(small, after(started.Done), strings.NewReader(" "), gate{ctx, arrived}))
				return res, nil
			})
			for range test.clients {
				c := client(transport, nil)
				for range each {
					ended.Go(func() {
						if err := c.Do(ctx, vendors.Call{Method: "POST", Path: "/"}); vendors.ClassOf(err) != vendors.Again || !errors.Is(ctx.Err(), context.Canceled) {
							t.Errorf("got %v before the end of the context, want class again after the end", err)
						}
					})
				}
			}
			started.Wait()
			inside.Wait()
			cancel()
			ended.Wait()
			if got := large.Load(); got != int64(test.want) {
				t.Errorf("got %d large bodies at a time, want %d", got, test.want)
			}
		})
	}
}

// However many vendors hold all the room they can get, the large body of another vendor waits for none.
func TestLargeBodyWaitsForNoOtherVendor(t *testing.T) {
	const clients, each, room = 9, 2, 9 + 4
	ctx, cancel := context.WithCancel(t.Context())
	limited, end := context.WithTimeout(ctx, 20*time.Second) // for a call that would wait forever
	defer end()
	var ended sync.WaitGroup
	defer ended.Wait()
	defer cancel()
	large := func(rest io.Reader) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			res := answer(r, 200, "")
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat(" ", 64<<10)), rest))
			return res, nil
		}
	}
	holding := make(chan struct{}, clients*each)
	for range clients {
		hostile := client(large(gate{ctx, func() { holding <- struct{}{} }}), nil)
		for range each {
			ended.Go(func() { _ = hostile.Do(ctx, vendors.Call{Method: "POST", Path: "/"}) })
		}
	}
	for i := range room {
		select {
		case <-holding:
		case <-limited.Done():
			t.Fatalf("got %d large bodies at a time, want %d", i, room)
		}
	}
	healthy := client(large(strings.NewReader(" ")), nil)
	if err := healthy.Do(limited, vendors.Call{Method: "POST", Path: "/"}); err != nil {
		t.Errorf("got %v of a healthy vendor beside %d hostile ones", err, clients)
	}
}
