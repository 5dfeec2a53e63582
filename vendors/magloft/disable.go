package magloft

import (
	"context"
	"errors"

	"github.com/usherhq/usher/vendors"
)

// Disable ends the reader's subscription, if any, and keeps the reader. A missing reader is
// success. MagLoft documents no lock of a reader: single unlocked issues stay.
func (a *Readers) Disable(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	reader, err := a.byAccount(ctx, "disable", acc)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return a.end(ctx, reader)
}

// Enable looks up the reader. The subscription stays ended: a further
// enrolment activates the subscription, with dates of its own.
func (a *Readers) Enable(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	_, err := a.byAccount(ctx, "enable", acc)
	return err
}
