package magloft

import (
	"context"
	"errors"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// records are the accounts of one mode, clients or readers, as the API pages and
// shows them.
type records[R any] struct {
	api  *API
	page pages[R]
	get  func(ctx context.Context, id int) (R, error)
	of   func(R) (id vendors.Int, email string)
	// byEmail asks for the account with the e-mail, and returns vendors.ErrNotFound if
	// the answer is no such account. It is nil for a mode without such a call.
	byEmail func(ctx context.Context, email string) (vendors.Account, error)
}

// Check lists one account.
func (a *records[R]) Check(ctx context.Context) error {
	_, err := a.page(ctx, Query{PerPage: 1})
	return err
}

// List calls yield with each account.
func (a *records[R]) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return a.page.each(ctx, "", func(record R) (more bool, err error) {
		id, email := a.of(record)
		return true, yield(vendors.Listed{ID: strconv.Itoa(max(0, int(id))), Email: email})
	})
}

// Show returns the account by its ID.
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
		return vendors.Listed{}, odd("show", "the answer is not the account that was asked for")
	}
	return vendors.Listed{ID: acc.ID, Email: email}, nil
}

// Find returns the account whose e-mail is exactly u's: the one that byEmail finds,
// or else the oldest in the pages. Nobody has an empty e-mail.
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

// search looks for the e-mail in the pages that the filter leaves.
func (a *records[R]) search(ctx context.Context, email, filter string) (vendors.Account, error) {
	record, err := search(ctx, a.page, filter, func(r R) bool {
		id, has := a.of(r)
		return id > 0 && email != "" && vendors.SameEmail(has, email)
	})
	id, _ := a.of(record)
	return vendors.Account{ID: strconv.Itoa(int(id))}, err
}

// add creates u's account. If MagLoft refuses, add looks once more, at last through
// all pages: the refusal may be of an e-mail that the filter does not find. An answer
// that is not u's account is an Unknown error.
func (a *records[R]) add(ctx context.Context, u vendors.User, create func(first, last string) (R, error)) (vendors.Account, error) {
	made, err := create(names(u))
	if vendors.IsRefused(err) {
		found, again := a.Find(ctx, u)
		if errors.Is(again, vendors.ErrNotFound) {
			found, again = a.search(ctx, vendors.NormalEmail(u.Email), "")
		}
		if !errors.Is(again, vendors.ErrNotFound) {
			return found, again
		}
	}
	if err != nil {
		return vendors.Account{}, err
	}
	id, email := a.of(made)
	if id <= 0 || !vendors.SameEmail(email, u.Email) {
		e := odd("create", "the answer is not the user that was sent")
		e.Unknown = true
		return vendors.Account{}, e
	}
	return vendors.Account{ID: strconv.Itoa(int(id))}, nil
}
