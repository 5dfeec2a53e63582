package pause_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/pause"
)

func TestFor(t *testing.T) {
	for name, test := range map[string]struct{ limit, want time.Duration }{
		"the time is over":    {2 * time.Second, time.Second},
		"the context is over": {time.Millisecond, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				began := time.Now()
				pause.For(ctx, time.Second)
				if got := time.Since(began); got != test.want {
					t.Errorf("waited for %s, want %s", got, test.want)
				}
			})
		})
	}
}
