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
	for name, test := range map[string]struct{ clients, want int }{"a client": {1, 2}, "the process": {5, 8}} {
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
