package core

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/fairness"
)

// The bounds of a check. A single call that fails in passing must not put the vendor on hold for
// all users.
const (
	checkTries = 3
	checkSpan  = 5 * time.Second // in which a further try may begin
	checkPause = 500 * time.Millisecond
)

// check asks the vendor about our credentials, and goes on with the adapter of the answer. A
// passing failure is tried again; a refusal is not, since many tries with a wrong password lock
// an account.
func (x *Core) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, x.config.Mailbox.CallLease+x.config.Mailbox.CallTimeout)
	defer cancel()
	began := time.Now()
	for try := 1; ; try++ {
		port, err := x.deps.Check(ctx)
		if err == nil && port != nil {
			x.vendor.Port.Store(&port)
		}
		if r, ok := resultOf(err); !ok || (r != fairness.Failed && r != fairness.Unreadable) || try == checkTries || time.Since(began) > checkSpan {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(checkPause):
		}
	}
}
