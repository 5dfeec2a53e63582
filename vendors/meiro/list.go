package meiro

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// List calls yield with each operator outside the trash. An error of yield ends List and is
// returned. A deletion during the listing moves later operators to an earlier page, so List may
// miss an operator. Meiro shows no rights of operators; only Usher's own operator counts as
// staff.
func (o *Operators) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return each(ctx, o.api.ListUsers, func(u User) (more bool, err error) { return true, yield(o.listed(u)) })
}

// Show returns the operator by id, or vendors.ErrNotFound. Operators in the trash are shown if
// Meiro shows them.
func (o *Operators) Show(ctx context.Context, a vendors.Account) (vendors.Listed, error) {
	u, err := o.retrieve(ctx, a)
	if err != nil {
		return vendors.Listed{}, err
	}
	return o.listed(u), nil
}

// listed returns a user as an entry of the list.
func (o *Operators) listed(u User) vendors.Listed {
	return vendors.Listed{ID: u.ID, Email: u.Email, Staff: o.isOwn(u), Deleted: bool(u.Deleted)}
}

// lister is a call that returns one page of a list.
type lister func(context.Context, Selection) (UserList, error)

// each calls yield with the users of a list, up to an empty page, while yield returns more. A
// short page need not be the last, because Meiro may return fewer users than requested.
func each(ctx context.Context, list lister, yield func(User) (more bool, err error)) error {
	var pages vendors.Pages
	for offset := vendors.Int(0); ; {
		page, err := list(ctx, Selection{Limit: pageSize, Offset: offset, OrderBy: "id", OrderDir: "ASC"})
		if err != nil {
			return vendors.UnusableIfGone(err)
		}
		end := offset > 0 && page.Settings.Limit > 0 // a page beyond the end may have null
		if page.Users == nil && !end {
			return noList()
		}
		for _, u := range page.Users {
			if !pages.Add(u.ID) {
				continue
			}
			if more, err := yield(u); err != nil || !more {
				return err
			}
		}
		if len(page.Users) == 0 {
			return nil
		}
		if err := pages.Turn(vendor, "list users"); err != nil {
			return err
		}
		offset += vendors.Int(len(page.Users))
	}
}
