package meiro

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// List calls yield with each operator who is not in the trash, until it returns
// an error, which List returns. An operator who is deleted meanwhile moves those
// behind to an earlier page, so that one may be passed over. Meiro tells of nobody
// what they may do: of staff it is only known who Usher logs in as.
func (o *Operators) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return each(ctx, o.api.ListUsers, func(u User) (more bool, err error) { return true, yield(o.listed(u)) })
}

// Show returns the operator by its id, also one in the trash where Meiro shows
// it, or vendors.ErrNotFound.
func (o *Operators) Show(ctx context.Context, a vendors.Account) (vendors.Listed, error) {
	u, err := o.retrieve(ctx, a)
	if err != nil {
		return vendors.Listed{}, err
	}
	return o.listed(u), nil
}

func (o *Operators) listed(u User) vendors.Listed {
	return vendors.Listed{ID: u.ID, Email: u.Email, Staff: o.isOwn(u), Deleted: bool(u.Deleted)}
}

// lister is a call that gives one page of a list.
type lister func(context.Context, Selection) (UserList, error)

// each pages through a list until an empty page, for as long as yield wants more. A
// short page need not be the last: Meiro may give fewer than were asked for, and
// whether the limit in selection_settings is the one that it took is not documented.
// A page that begins as the one before may come of a user who was made meanwhile;
// it does so again and again only where Meiro looks at no offset.
func each(ctx context.Context, list lister, yield func(User) (more bool, err error)) error {
	const most = 3
	first, again := "", 0
	for offset := vendors.Int(0); ; {
		page, err := list(ctx, Selection{Limit: pageSize, Offset: offset, OrderBy: "id", OrderDir: "ASC"})
		if err != nil {
			return vendors.UnusableIfGone(err)
		}
		if page.Users == nil {
			return &vendors.Error{Vendor: vendor, Op: "list users", Message: "the answer has no list of users"}
		}
		if len(page.Users) > 0 && page.Users[0].ID == first {
			again++
		}
		if again == most {
			return &vendors.Error{Vendor: vendor, Op: "list users", Message: "the list begins again at every offset, so that nobody can be looked up"}
		}
		for _, u := range page.Users {
			if more, err := yield(u); err != nil || !more {
				return err
			}
		}
		if len(page.Users) == 0 {
			return nil
		}
		first = page.Users[0].ID
		offset += vendors.Int(len(page.Users))
	}
}
