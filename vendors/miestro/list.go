package miestro

import (
	"context"
	"net/http"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// List calls yield with each user, oldest first. An error of yield ends List and is returned. A
// deletion during the listing moves later users to an earlier page, so List may miss a user.
func (a *Adapter) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return a.each(ctx, "list", "", func(u User) (more bool, err error) { return true, yield(listed(u)) })
}

// Show returns the account by its id, or vendors.ErrNotFound.
func (a *Adapter) Show(ctx context.Context, acc vendors.Account) (vendors.Listed, error) {
	userID, err := vendors.ParseID(vendor, "show", "account", acc.ID)
	if err != nil {
		return vendors.Listed{}, err
	}
	u, err := a.api.GetUser(ctx, userID)
	switch {
	case vendors.IsGone(err):
		return vendors.Listed{}, vendors.ErrNotFound
	case err != nil:
		return vendors.Listed{}, err
	case int(u.ID) != userID:
		return vendors.Listed{}, &vendors.Error{Vendor: vendor, Op: "get user", Status: http.StatusOK, Unreadable: true, Message: "the response is not the requested user"}
	}
	return listed(u), nil
}

// listed returns a user as an entry of the list.
func listed(u User) vendors.Listed {
	return vendors.Listed{ID: account(u).ID, Email: u.Email, Staff: u.Role == nil || *u.Role != RoleUser}
}

// ListCourses calls yield with each course. An error of yield ends ListCourses and is returned.
func (a *Adapter) ListCourses(ctx context.Context, yield func(vendors.ListedCourse) error) error {
	q := Query{SortBy: "id:asc", Count: pageSize}
	var pages vendors.Pages
	for q.Page = 1; ; q.Page++ {
		page, err := a.api.ListCourses(ctx, q)
		if err != nil {
			return err
		}
		for _, c := range page.Data {
			id := strconv.Itoa(int(c.ID))
			if !pages.Add(id) {
				continue
			}
			if err := yield(vendors.ListedCourse{ID: id, Name: c.Name}); err != nil {
				return err
			}
		}
		if len(page.Data) == 0 || q.Page >= int(page.LastPage) {
			return nil
		}
		if err := pages.Turn(vendor, "list courses"); err != nil {
			return err
		}
	}
}

// each calls yield with the users that a search finds, oldest first, while yield returns more.
func (a *Adapter) each(ctx context.Context, op, search string, yield func(User) (more bool, err error)) error {
	q := Query{Search: search, SortBy: "id:asc", Count: pageSize}
	var pages vendors.Pages
	for q.Page = 1; ; q.Page++ {
		page, err := a.api.ListUsers(ctx, q)
		if err != nil {
			return err
		}
		for _, u := range page.Data {
			if !pages.Add(strconv.Itoa(int(u.ID))) {
				continue
			}
			if more, err := yield(u); err != nil || !more {
				return err
			}
		}
		if len(page.Data) == 0 || q.Page >= int(page.LastPage) {
			return nil
		}
		if err := pages.Turn(vendor, op); err != nil {
			return err
		}
	}
}
