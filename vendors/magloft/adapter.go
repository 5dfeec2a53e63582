package magloft

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

const (
	pageSize = 100    // of a search
	maxPages = 10_000 // a list that does not end is not the one that is documented
)

// Vendor is what both modes can do. Readers also enrols.
type Vendor interface {
	vendors.Checker
	// Lister lists oldest first. An account that is deleted during the listing moves
	// those behind it to an earlier page, so that one may be passed over. MagLoft does
	// not show which accounts are staff.
	vendors.Lister
	vendors.Provisioner
	vendors.Updater
	vendors.Deprovisioner
	// API returns the client for the documented calls.
	API() *API
}

// New returns the adapter of the configured mode, *Clients or *Readers, or an
// error that names everything missing.
func New(c Config) (Vendor, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if c.Mode == ModeReaders {
		return &Readers{api: NewAPI(c)}, nil
	}
	return &Clients{api: NewAPI(c)}, nil
}

// The ports of Clients.
var (
	_ vendors.Checker       = (*Clients)(nil)
	_ vendors.Lister        = (*Clients)(nil)
	_ vendors.Provisioner   = (*Clients)(nil)
	_ vendors.Updater       = (*Clients)(nil)
	_ vendors.Deprovisioner = (*Clients)(nil)
)

// Clients makes our users portal editors: all that the original document
// allows. It cannot enrol. See README.md.
type Clients struct {
	api *API
}

// API returns the client for the documented calls.
func (a *Clients) API() *API { return a.api }

// Check lists one client.
func (a *Clients) Check(ctx context.Context) error {
	_, err := a.api.PageClients(ctx, Query{PerPage: 1})
	return err
}

// Find searches all pages for the client whose e-mail is exactly u's. Of
// several, which MagLoft might allow, it is the oldest. Nobody has an empty e-mail.
func (a *Clients) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	email := vendors.NormalEmail(u.Email)
	if email == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	found, err := a.search(ctx, email, email)
	if err != nil {
		return vendors.Account{}, fmt.Errorf("find: %w", err)
	}
	return found, nil
}

// search looks for the e-mail in the pages of clients that the filter leaves.
func (a *Clients) search(ctx context.Context, email, filter string) (vendors.Account, error) {
	c, err := search(ctx, a.api.PageClients, filter, func(c Client) bool { return held(c.ID, c.Email, email) })
	return vendors.Account{ID: strconv.Itoa(int(c.ID))}, err
}

// Create makes a client with a random password. Where MagLoft refuses, it looks
// once more, at last through all clients: the answer to an e-mail that is taken is
// not documented. An answer that is not this user's is an Unknown error.
func (a *Clients) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	first, last := names(u)
	made, err := a.api.CreateClient(ctx, NewClient{Email: vendors.NormalEmail(u.Email), Firstname: first, Lastname: last, Password: vendors.NewPassword()})
	if vendors.IsRefused(err) {
		if found, again := lastLook(ctx, a, u); !errors.Is(again, vendors.ErrNotFound) {
			return found, again
		}
	}
	if err != nil {
		return vendors.Account{}, fmt.Errorf("create: %w", err)
	}
	return verified(int(made.ID), made.Email, u)
}

// Delete removes the client. One that is not there is success.
func (a *Clients) Delete(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	clientID, err := number("delete", acc)
	if err != nil {
		return err
	}
	err = a.api.DeleteClient(ctx, clientID)
	if vendors.IsGone(err) {
		err = a.Check(ctx) // where there is no list either, it is not the client that is missing
	}
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// names returns a first name, which MagLoft requires, and a last one.
func names(u vendors.User) (first, last string) {
	if u.FirstName == "" {
		return u.Name(), ""
	}
	return u.FirstName, u.LastName
}

// number reads an account's id.
func number(op string, a vendors.Account) (int, error) {
	n, err := strconv.Atoi(a.ID)
	if err != nil || n <= 0 {
		return 0, vendors.Fail(vendor, op, "the account's id is not a number")
	}
	return n, nil
}

// verified returns the account that a create answered with, if it is u's.
func verified(id int, email string, u vendors.User) (vendors.Account, error) {
	if id <= 0 || !vendors.SameEmail(email, u.Email) {
		e := odd("create", "the answer is not the user that was sent")
		e.Unknown = true
		return vendors.Account{}, e
	}
	return vendors.Account{ID: strconv.Itoa(id)}, nil
}
