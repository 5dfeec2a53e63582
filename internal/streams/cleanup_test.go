package streams_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// A call that tidies up at the end of a process is made, and does not hold the end up for long
// while NATS is away.
func TestCleanupEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		ctx, cancel := streams.Client{}.Cleanup(ended)
		defer cancel()
		if ctx.Err() != nil {
			t.Fatal("the call is not made")
		}
		<-ctx.Done()
		if got := time.Since(began); got > 2*time.Second {
			t.Errorf("the call may last %s, want two seconds at most", got)
		}
	})
}
