package recovery

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// ClockReport compares the retries of a process whose clock is wrong with those of a process
// whose clock is right.
type ClockReport struct {
	Right, Wrong int // attempts at the vendor within the same span
	Ahead        int // seconds
	Faults       []string
}

// String returns the report as a line.
func (r *ClockReport) String() string {
	return fmt.Sprintf("a clock %+d s wrong: %d attempts of users who fail within %s, with a right clock %d", r.Ahead, r.Wrong, retrySpan, r.Right)
}

// retrySpan is the time in which attempts are counted.
const retrySpan = 8 * time.Second

// Clock counts the retries of users whom the vendor answers with 500, by a process with a right
// clock and by a process whose clock is wrong by r.Ahead seconds. Both must retry about as often,
// and finish everything once the vendor is well.
func Clock(ctx context.Context, c Config, vendor string, r *ClockReport) (err error) {
	for count, ahead := range map[*int]int{&r.Right: 0, &r.Wrong: r.Ahead} {
		n, faults, err := retries(ctx, c, vendor, ahead)
		if err != nil {
			return err
		}
		*count = n
		r.Faults = append(r.Faults, faults...)
	}
	if 2*r.Wrong < r.Right || r.Wrong > 2*r.Right {
		r.Faults = append(r.Faults, fmt.Sprintf("%d attempts with a clock %+d s wrong, %d with a right clock", r.Wrong, r.Ahead, r.Right))
	}
	return nil
}

// retries counts the attempts of users who fail.
func retries(ctx context.Context, c Config, vendor string, ahead int) (n int, faults []string, err error) {
	t, err := newTrial(ctx, c, vendor, "USHER_WORKER_RETRY_MIN=200ms", "USHER_WORKER_RETRY_MAX=500ms")
	defer func() { err = t.end(faults, err) }()
	if err != nil {
		return 0, nil, err
	}
	worker, err := t.serve(ctx, fmt.Sprint("CLOCK_AHEAD=", ahead))
	if err != nil {
		return 0, nil, err
	}
	if _, err := t.waiting(ctx, worker); err != nil {
		return 0, nil, err
	}
	before, err := t.State(ctx)
	if err != nil {
		return 0, nil, err
	}
	process.Sleep(ctx, retrySpan)
	after, err := t.State(ctx)
	if err != nil {
		return 0, nil, err
	}
	if err := t.Control(ctx, url.Values{"mode": {"ok"}}); err != nil {
		return 0, nil, err
	}
	stuck, err := t.settle(ctx)
	if err != nil {
		return 0, nil, err
	}
	faults, err = t.judge(ctx, stuck)
	return after.Faults[sandbox.Troubled] - before.Faults[sandbox.Troubled], faults, err
}
