package ops

import (
	"context"

	"github.com/usherhq/usher/internal/streams"
)

const whyInterrupted = "the process that called the vendor has ended: the next process asks the vendor first"

// interrupted notes the effects at work whose process has ended, such as after kill -9: the record of
// the user keeps the claim until the next process takes it over. A dead process owns the vendor for
// another streams.DefaultLeaseTTL.
func (s *Service) interrupted(ctx context.Context, h *History) error {
	owners := map[string]uint64{}
	for i := range h.Events {
		e := &h.Events[i]
		if e.State != EffectAtWork {
			continue
		}
		token, known := owners[e.Vendor]
		if !known {
			var err error
			if token, err = s.owner(ctx, e.Vendor); err != nil {
				return err
			}
			owners[e.Vendor] = token
		}
		if token == 0 || e.claim != token {
			e.State, e.Why = EffectUnknown, whyInterrupted
		}
	}
	return nil
}

// owner returns the fencing token of the process that owns a vendor; zero if no process does.
func (s *Service) owner(ctx context.Context, vendor string) (uint64, error) {
	leases, err := streams.OpenLeases(ctx, s.Streams.Client, 0)
	if err != nil {
		return 0, err
	}
	holder, err := leases.Holder(ctx, vendor)
	if err != nil || holder == "" {
		return 0, err
	}
	own, err := streams.OpenOwnership(ctx, s.Streams.Client, vendor)
	if err != nil {
		return 0, err
	}
	return own.Token(ctx)
}
