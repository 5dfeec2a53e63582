package handlers

import (
	"context"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// mayLeave reports whether events of a type take away the account of a user out of scope.
func (v Vendor) mayLeave(h Handler) bool {
	takes := v.Policy.OnLeave == DisableAccount || v.Policy.OnLeave == DeleteAccount
	return takes && h.Type == events.UserUpdated && v.Rules != nil && v.Rules.HasScope()
}

// Removes reports whether events of a type may disable or delete accounts.
func (v Vendor) Removes(h Handler) bool {
	return h.Removes && v.Policy.Changes(h) || v.mayLeave(h) && !v.Policy.Shadow
}

// skippedRemoval returns the reply to an update that would take the account away.
func skippedRemoval(reason string) Reply {
	return Reply{Outcome: events.Skipped, Action: changeRemoval, Reason: reason}
}

// leave disables or deletes the account of a user out of scope.
func (v Vendor) leave(ctx context.Context, k Known) (Reply, error) {
	remove, ok := v.remover(v.Policy.OnLeave)
	if !ok {
		return unsupported, nil
	}
	if k.MayRemove != nil {
		if err := k.MayRemove(ctx); err != nil {
			return Reply{}, err
		}
	}
	if err := k.reserve(ctx, k.Account); err != nil {
		return Reply{}, err
	}
	err := perhapsChanged(remove(ctx, k.From, k.Account))
	if v.Policy.skips(err) {
		return skippedRemoval(ReasonShadow), nil
	}
	r := Reply{
		Outcome: events.Done, Account: k.Account, Action: v.Policy.OnLeave.action(), MatchedBy: k.matchedBy(v.Adapter), Reason: ReasonScope,
		Disabled: v.Policy.OnLeave == DisableAccount, Left: true,
	}
	return r.with(err)
}

// undoRemoval enables an account that an unconfirmed attempt may have disabled, under rules or with data
// that are outdated by now. Enabling may be repeated.
func (v Vendor) undoRemoval(ctx context.Context, h Handler, k Known) error {
	if !k.known() || !k.PerhapsRemoved || !h.Scope.WholeAccount() {
		return nil
	}
	p, ok := vendors.Port[vendors.Disabler](v.Adapter)
	if !ok {
		return nil
	}
	if err := k.reserve(ctx, k.Account); err != nil {
		return err
	}
	if err := p.Enable(ctx, k.From, k.Account); !errors.Is(err, vendors.ErrNotFound) {
		return err
	}
	return nil // the account is deleted
}
