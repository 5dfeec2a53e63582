package isolation

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/vendors/sandbox"
)

// reserve is the time after a rest whose calls, at the vendor's rate, usher may make at once.
const reserve = 5 * time.Second

// publishUntilBusy publishes the trouble, and waits until the vendor has received a fifth of the calls,
// or enough calls to use up the reserve.
func (w *world) publishUntilBusy(ctx context.Context, size int) error {
	n := min(size/5, environment.Rates[w.line.Vendor]*w.config.Factor*int(reserve/time.Second))
	return w.publishUntil(ctx, n, environment.Calls)
}

// publishUntil publishes the trouble, and waits until the count of the sandbox has grown by n, at most
// for the time of n calls at the rate of the vendor.
func (w *world) publishUntil(ctx context.Context, n int, count func(sandbox.VendorState) int) error {
	before, err := w.State(ctx)
	if err != nil {
		return err
	}
	if err := w.Publish(ctx); err != nil {
		return err
	}
	limit := time.Second + time.Duration(n)*time.Second/time.Duration(environment.Rates[w.line.Vendor]*w.config.Factor)
	var now sandbox.VendorState
	late := w.Until(ctx, min(limit, w.config.Settle), "the vendor has seen the trouble", func() bool {
		now, err = w.State(ctx)
		return err == nil && count(now) >= count(before)+n
	})
	if count(now) > count(before) {
		late = nil // a vendor on hold never gets all calls
	}
	return errors.Join(late, w.Alive(), ctx.Err())
}
