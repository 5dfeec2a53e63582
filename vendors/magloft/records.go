package magloft

import (
	"context"
	"errors"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// records manages the accounts of one mode, clients or readers.
type records[R entry] struct {
	api  *API
	page pages[R]
	get  func(ctx context.Context, id int) (R, error)
	of   func(R) (id vendors.Int, email string)
	// byEmail returns the account with the e-mail, or vendors.ErrNotFound if the response is
	// another account. byEmail is nil for a mode without such a call.
	byEmail func(ctx context.Context, email string) (vendors.Account, error)
}

// Check lists one account.
func (a *records[R]) Check(ctx context.Context) error {
	_, err := a.page(ctx, Query{PerPage: 1})
	return err
}

// List calls yield with each account, oldest first. An error of yield ends List and is
// returned. A deletion during the listing moves later accounts to an earlier page, so List may
// miss an account. MagLoft does not show which accounts are staff.
func (a *records[R]) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return each(ctx, a.page, "", func(record R) (more bool, err error) {
		id, email := a.of(record)
		return true, yield(vendors.Listed{ID: strconv.Itoa(max(0, int(id))), Email: email})
	})
}

// Show returns the account by id, or vendors.ErrNotFound.
func (a *records[R]) Show(ctx context.Context, acc vendors.Account) (vendors.Listed, error) {
	asked, err := vendors.ParseID(vendor, "show", "account", acc.ID)
	if err != nil {
		return vendors.Listed{}, err
	}
	record, err := a.get(ctx, asked)
	id, email := a.of(record)
	switch {
	case vendors.IsGone(err):
		return vendors.Listed{}, vendors.ErrNotFound
	case err != nil:
		return vendors.Listed{}, err
	case strconv.Itoa(int(id)) != acc.ID:
		return vendors.Listed{}, odd("show", "the response is not the requested account")
	}
	return vendors.Listed{ID: acc.ID, Email: email}, nil
}

// Find returns the account with the e-mail of u, from byEmail or else the only one in the pages.
// An empty e-mail matches nobody.
func (a *records[R]) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	email := vendors.NormalEmail(u.Email)
	if email == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	found, err := vendors.Account{}, vendors.ErrNotFound
	if a.byEmail != nil {
		found, err = a.byEmail(ctx, email)
	}
	if errors.Is(err, vendors.ErrNotFound) {
		found, err = a.search(ctx, email, email)
	}
	if err != nil {
		return vendors.Account{}, err
	}
	return found, nil
}

// search searches the e-mail in the pages that the filter leaves.
func (a *records[R]) search(ctx context.Context, email, filter string) (vendors.Account, error) {
	var hits []vendors.Account
	_, err := search(ctx, a.page, filter, func(r R) bool {
		id, has := a.of(r)
		if id > 0 && email != "" && vendors.SameEmail(has, email) {
			hits = append(hits, vendors.Account{ID: strconv.Itoa(int(id))})
		}
		return false // several accounts may match
	})
	if !errors.Is(err, vendors.ErrNotFound) {
		return vendors.Account{}, err
	}
	return vendors.Only(vendor, vendors.KeyEmail, hits)
}

// add creates the account of u. If MagLoft rejects the creation, add looks up the e-mail once
// more, in the end through all pages, because the filter may miss a taken e-mail. A response
// with another account is an Unknown error.
func (a *records[R]) add(ctx context.Context, u vendors.User, create func(first, last string) (R, error)) (vendors.Account, error) {
	made, err := create(names(u))
	if vendors.IsRefused(err) {
		found, again := a.Find(ctx, u)
		if errors.Is(again, vendors.ErrNotFound) {
			found, again = a.search(ctx, vendors.NormalEmail(u.Email), "")
		}
		if !errors.Is(again, vendors.ErrNotFound) {
			found.Existed = again == nil
			return found, again
		}
	}
	if err != nil {
		return vendors.Account{}, err
	}
	id, email := a.of(made)
	if id <= 0 || !vendors.SameEmail(email, u.Email) {
		e := odd("create", "the response is not the requested user")
		e.Unknown = true
		return vendors.Account{}, e
	}
	return vendors.Account{ID: strconv.Itoa(int(id))}, nil
}
