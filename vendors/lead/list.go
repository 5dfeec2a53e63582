package lead

import (
	"context"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// List calls yield with each user once. An error of yield ends List and is returned. A deletion
// during the listing moves later users to an earlier page, so List may miss a user.
func (a *Adapter) List(ctx context.Context, yield func(vendors.Listed) error) error {
	_, err := a.each(ctx, func(u User) (more bool, err error) { return true, yield(listed(u)) })
	return err
}

// Show returns the account, or vendors.ErrNotFound. LEAD documents no call by id, so Show uses
// the look-up by e-mail, if known, and an undocumented call. Trust ErrNotFound only if List
// does not show the account either.
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

// listed returns a user as an entry of the list.
func listed(u User) vendors.Listed {
	return vendors.Listed{ID: account(u).ID, Email: u.Email, Staff: u.Role != RoleLearner, Deleted: !u.DeletedAt.IsZero()}
}

// each calls yield with each user once, page by page, while yield returns more. complete
// reports whether the listing saw as many users as the highest total of any page: a deletion
// during the listing moves users to a page already read.
func (a *Adapter) each(ctx context.Context, yield func(User) (more bool, err error)) (complete bool, err error) {
	pages := vendors.Pages{Most: maxPages}
	total := 0
	for n := 1; ; n++ {
		page, err := a.api.ListUsers(ctx, n)
		if err != nil {
			return false, vendors.UnusableIfGone(err)
		}
		empty := page.LastPage > 0 && page.Total == 0 // with null for the list
		if page.Page <= 0 || (page.Users == nil && !empty) {
			return false, &vendors.Error{Vendor: vendor, Op: "list users", Unreadable: true, Message: "the response has no list of users"}
		}
		for _, u := range page.Users {
			if !pages.Add(strconv.Itoa(int(u.ID))) {
				continue
			}
			if more, err := yield(u); err != nil || !more {
				return false, err
			}
		}
		total = max(total, int(page.Total))
		if len(page.Users) == 0 || n >= int(page.LastPage) {
			return pages.Len() >= total, nil
		}
		if err := pages.Turn(vendor, "list users"); err != nil {
			return false, err
		}
	}
}
