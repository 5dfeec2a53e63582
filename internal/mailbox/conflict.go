package mailbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// The index of accounts names the record that holds an account. An entry is written by
// compare-and-set while the record claims the effect, and before the record holds the
// account. An entry is taken over only from a record that neither holds the account nor may
// come to hold it (record.Free). The record is read after the entry. So of two users at most
// one has the entry while its record changes, and no two records hold one account.

var (
	// errReserve marks the errors of a reservation, which say nothing of the vendor.
	errReserve = errors.New("the account is not reserved")
	// errUnreserved says that the account has to be reserved before the outcome is stored.
	errUnreserved = fmt.Errorf("the index comes first: %w", errReserve)
	// errChanged marks an attempt that has changed the vendor before its account was refused.
	errChanged = errors.New("the vendor was changed")
)

// mayHaveChanged reports whether a failed attempt may have changed the vendor.
func mayHaveChanged(err error) bool { return vendors.IsUnknown(err) || errors.Is(err, errChanged) }

// heldError says that another user holds an account, or may come to hold it.
type heldError struct {
	account, holder, user string
	changing              bool // the events of the holder in progress decide
}

func (e *heldError) Error() string {
	if e.changing {
		return "the events in progress of another user decide who holds the account"
	}
	return fmt.Sprintf("account %s belongs to user %q, and user %q has the same one at this vendor: "+
		"delete one of the two users, or give them different e-mail addresses, then replay", e.account, e.holder, e.user)
}

func (e *heldError) Is(target error) bool { return target == errReserve }

// logged returns the message of an outcome for the log, which names no user.
func logged(o record.Outcome) string {
	if o.Class == classConflict {
		return "another user holds the account"
	}
	return o.Message
}

// reservation is an account that the index names the record for. It counts as long as the
// record has this revision, and so the claim.
type reservation struct {
	account  string
	revision uint64
}

// isReserved reports whether the record may get, or has, this account. A vendor that knows
// users by our ids cannot mix up two of them.
func (t *turn) isReserved(account string) bool {
	s := &t.user.stored
	known := s.record.Indexed && record.Holds(s.record, account)
	return account == "" || known || t.reserved == reservation{account, s.revision} || t.needsNoAccount()
}

// reserve lets the index name the record for an account before a change of the account. If
// another user holds the account, reserve returns a heldError. Before a deletion the index is
// read even if the record is marked as indexed.
func (t *turn) reserve(ctx context.Context, account string, removes bool) error {
	if t.isReserved(account) && (!removes || account == "" || t.needsNoAccount()) {
		return nil
	}
	const tries = 8
	for try := 1; ; try++ {
		err := t.reserveOnce(ctx, account)
		if err == nil {
			t.reserved = reservation{account, t.user.stored.revision}
			return nil
		}
		if !errors.Is(err, ErrConflict) || try == tries {
			return err
		}
	}
}

func (t *turn) reserveOnce(ctx context.Context, account string) error {
	key := record.IndexKey(t.vendor.Name, account)
	entry, revision, err := t.deps.Index.Load(ctx, key)
	if err != nil {
		return fmt.Errorf("%w: load index: %w", errReserve, err)
	}
	prefix := t.vendor.Name + "."
	switch holder := prefix + string(entry); {
	case len(entry) == 0:
	case holder != t.user.key:
		if err := t.askHolder(ctx, holder, account); err != nil {
			return err
		}
	case record.Holds(t.user.stored.record, account):
		return nil
	}
	// The own entry is written again: another user may have found the record free before the
	// claim, and must not take the entry over now.
	if _, err := t.deps.Index.Store(ctx, key, []byte(strings.TrimPrefix(t.user.key, prefix)), revision); err != nil {
		return fmt.Errorf("%w: store index: %w", errReserve, err)
	}
	return nil
}

// askHolder returns a heldError unless the record of the holder leaves the account free.
func (t *turn) askHolder(ctx context.Context, holder, account string) error {
	encoded, _, err := t.deps.Records.Load(ctx, holder)
	if err != nil {
		return fmt.Errorf("%w: load record of the holder: %w", errReserve, err)
	}
	if len(encoded) == 0 {
		return nil
	}
	r, err := record.Decode(encoded)
	if err != nil {
		return fmt.Errorf("%w: holder: %w", errReserve, err)
	}
	hold := record.HoldOf(r, account)
	if hold == record.Free {
		return nil
	}
	return &heldError{account: account, holder: r.UserID, user: t.user.stored.record.UserID, changing: hold == record.Changing}
}

// reserveOutcome reserves the account of an outcome that is to be stored. If another user
// holds the account, the outcome becomes a failure. Other errors are those of NATS.
func (t *turn) reserveOutcome(ctx context.Context) error {
	x, held := t.result, (*heldError)(nil)
	err := t.reserve(ctx, x.holds(), false)
	if !errors.As(err, &held) {
		return err
	}
	if x.outcome.Kind == events.Done {
		err = fmt.Errorf("%w (%w)", held, errChanged)
	}
	t.result = &result{event: x.event, effect: x.effect, nonce: x.nonce}
	t.fail(x.event, &x.effect, err, time.Duration(x.outcome.TookMS)*time.Millisecond)
	return nil
}

// holds returns the account that the record gets with the outcome, if any.
func (x *result) holds() string {
	if x.outcome == nil || !x.change.Applied || x.change.State != record.Active {
		return ""
	}
	return x.change.AccountID
}
