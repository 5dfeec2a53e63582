package mailbox

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// The index of accounts names the record that holds an account. An entry is written by
// compare-and-set while the record claims the effect, and before the record holds the
// account. An entry is taken over only from a record that neither holds the account nor may
// come to hold the account (record.Free). The record is read after the entry. So of two users
// at most one has the entry during a change of the record, and no two records hold one account. After a
// takeover the account is looked up again: the other user may have deleted the account since the look-up.

// errReserve marks the errors of a reservation, which say nothing of the vendor.
var errReserve = errors.New("the account is not reserved")

// heldError says that another user holds an account, or may come to hold the account.
type heldError struct {
	account, holder string // the holder is the key of a record
	changing        bool   // the events of the holder in progress decide
}

func (e *heldError) Error() string {
	if e.changing {
		return "the events in progress of another user decide who holds the account"
	}
	return fmt.Sprintf("account %s belongs to another user (record %s): "+
		"delete one of the two users, or give them different e-mail addresses, then replay", e.account, e.holder)
}

// holderKey finds the record in the message of a conflict. The message stays with one user
// after the other user is forgotten, so the message names no user.
var holderKey = regexp.MustCompile(`^account \S+ belongs to another user \(record ([^ .]+\.[0-9a-f]{32})\): `)

// HolderOf returns the key of the record that holds the account, from the message of a
// failure of class conflict; empty for any other message.
func HolderOf(message string) string {
	if found := holderKey.FindStringSubmatch(message); found != nil {
		return found[1]
	}
	return ""
}

func (e *heldError) Is(target error) bool { return target == errReserve }

// accounts reserves accounts for the record of a user.
type accounts struct {
	*parts
	user     *user
	needless bool // the vendor knows users by our ids, or the record is of an activity
	preview  bool // no entry is stored
	reserved reservation
}

// reservation is an account with an entry for the record in the index. A reservation counts as
// long as the record has this revision, and so the claim.
type reservation struct {
	account  string
	revision uint64
}

// isReserved reports whether the record may get, or has, this account. A vendor that knows
// users by our ids cannot mix up two users.
func (x *accounts) isReserved(account string) bool {
	s := &x.user.stored
	known := s.record.Indexed && record.Holds(s.record, account)
	return account == "" || known || x.reserved == reservation{account, s.revision} || x.needless
}

// reserve lets the index name the record for an account before a change of the account. If
// another user holds the account, reserve returns a heldError. Before a deletion the index is
// read even if the record is marked as indexed.
func (x *accounts) reserve(ctx context.Context, account string, removes bool) error {
	if x.isReserved(account) && (!removes || account == "" || x.needless) {
		return nil
	}
	const tries = 8
	for try := 1; ; try++ {
		err := x.reserveOnce(ctx, account)
		if err == nil {
			x.reserved = reservation{account, x.user.stored.revision}
			return nil
		}
		if !errors.Is(err, ErrStaleRevision) || try == tries {
			return err
		}
	}
}

// reserveMade is reserve for an account that the vendor has just made. The index hardly has an entry,
// so that an entry is made without a look.
func (x *accounts) reserveMade(ctx context.Context, account string) error {
	if x.isReserved(account) {
		return nil
	}
	_, err := x.deps.Index.Store(ctx, record.IndexKey(x.vendor.Name, account), x.entry(), 0)
	switch {
	case errors.Is(err, ErrStaleRevision):
		return x.reserve(ctx, account, false)
	case err != nil:
		return fmt.Errorf("%w: store index: %w", errReserve, err)
	}
	x.reserved = reservation{account, x.user.stored.revision}
	return nil
}

// entry returns the entry that names the record.
func (x *accounts) entry() []byte { return []byte(strings.TrimPrefix(x.user.key, x.vendor.Name+".")) }

func (x *accounts) reserveOnce(ctx context.Context, account string) error {
	key := record.IndexKey(x.vendor.Name, account)
	entry, revision, err := x.deps.Index.Load(ctx, key)
	if err != nil {
		return fmt.Errorf("%w: load index: %w", errReserve, err)
	}
	prefix := x.vendor.Name + "."
	holder := prefix + string(entry)
	takeover := len(entry) > 0 && holder != x.user.key
	switch {
	case len(entry) == 0:
	case takeover:
		if err := x.askHolder(ctx, holder, account); err != nil {
			return err
		}
	case record.Holds(x.user.stored.record, account):
		return nil
	}
	// The own entry is written again: another user may have found the record free before the
	// claim, and must not take the entry over now.
	if _, err := x.deps.Index.Store(ctx, key, x.entry(), revision); err != nil {
		return fmt.Errorf("%w: store index: %w", errReserve, err)
	}
	if takeover && !x.preview {
		return &heldError{account: account, holder: holder, changing: true}
	}
	return nil
}

// askHolder returns a heldError unless the record of the holder leaves the account free.
func (x *accounts) askHolder(ctx context.Context, holder, account string) error {
	encoded, _, err := x.deps.Records.Load(ctx, holder)
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
	return &heldError{account: account, holder: holder, changing: hold == record.Changing}
}
