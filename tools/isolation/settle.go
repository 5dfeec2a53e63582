package isolation

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/vendors/sandbox"
)

// reserve says how many calls usher may make at once after a rest: the calls of so
// much time at the vendor's rate.
const reserve = 5 * time.Second

// publishUntilBusy publishes the trouble, and waits until the vendor has got a fifth
// of its calls, or as many as use up the reserve of its rate.
func (w *world) publishUntilBusy(ctx context.Context, size int) error {
	n := min(size/5, environment.Rates[w.line.Vendor]*w.config.Factor*int(reserve/time.Second))
	return w.publishUntil(ctx, n, environment.Calls)
}

// publishUntil publishes the trouble, and waits until the count of the stand-in has
// grown by n, at most as long as the rate of the vendor needs for n calls.
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
