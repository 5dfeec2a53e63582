package ops

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// ErrNotOnHold is returned by CheckNow for a vendor that is not on hold.
var ErrNotOnHold = errors.New("is not on hold: there is nothing to try")

// CheckNow asks the workers to check a vendor on hold at once, by the call that would otherwise come
// at the end of worker.hold_retry. The action is recorded in the audit log first.
func (s *Service) CheckNow(ctx context.Context, vendor string, by Actor) error {
	holds, err := s.holds(ctx)
	if err != nil {
		return err
	}
	if _, held := holds[vendor]; !held {
		return fmt.Errorf("%s %w", vendor, ErrNotOnHold)
	}
	act := by.action(streams.VendorChecked)
	act.Vendor = vendor
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
		return err
	}
	return s.Streams.Control.AskCheck(ctx, vendor, time.Now())
}
