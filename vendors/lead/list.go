package lead

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// List calls yield with each user, once, until it returns an error, which List
// returns. A user who is deleted meanwhile moves those behind to an earlier page,
// so that one may be passed over.
func (a *Adapter) List(ctx context.Context, yield func(vendors.Listed) error) error {
	_, err := a.each(ctx, func(u User) (more bool, err error) { return true, yield(listed(u)) })
	return err
}

// Show returns the account by its id, or vendors.ErrNotFound. LEAD documents no
// call that goes by id: it looks by the account's e-mail, where that is known, and
// by the undocumented call. So it can be believed only of an account that List has
// not shown either.
func (a *Adapter) Show(ctx context.Context, acc vendors.Account) (vendors.Listed, error) {
	id, err := vendors.ParseID(vendor, "show user", "account", acc.ID)
	if err != nil {
		return vendors.Listed{}, err
	}
	u, err := a.glance(ctx, acc, id)
	if err != nil {
		return vendors.Listed{}, err
	}
	return listed(u), nil
}

func listed(u User) vendors.Listed {
	return vendors.Listed{ID: account(u).ID, Email: u.Email, Staff: u.Role != RoleLearner, Deleted: !u.DeletedAt.IsZero()}
}

// each reads the pages for as long as yield wants more, and gives each user once.
// A user who is deleted meanwhile moves others to an earlier page, past the reader:
// so the list is complete only where as many users were met as LEAD ever said there
// are.
func (a *Adapter) each(ctx context.Context, yield func(User) (more bool, err error)) (complete bool, err error) {
	met := map[Number]bool{}
	total := 0
	for n := 1; ; n++ {
		page, err := a.api.ListUsers(ctx, n)
		if err != nil {
			return false, vendors.UnusableIfGone(err)
		}
		if page.Page <= 0 || page.Users == nil {
			return false, &vendors.Error{Vendor: vendor, Op: "list users", Message: "the answer has no list of users"}
		}
		for _, u := range page.Users {
			if met[u.ID] {
				continue
			}
			met[u.ID] = true
			if more, err := yield(u); err != nil || !more {
				return false, err
			}
		}
		total = max(total, int(page.Total))
		if len(page.Users) == 0 || n >= int(page.LastPage) {
			return len(met) >= total, nil
		}
	}
}
