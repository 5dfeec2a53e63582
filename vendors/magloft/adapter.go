package magloft

import (
	"context"
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
		return newReaders(NewAPI(c)), nil
	}
	return newClients(NewAPI(c)), nil
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
	records[Client]
}

func newClients(api *API) *Clients {
	return &Clients{records[Client]{
		api: api, page: api.PageClients, get: api.GetClient,
		of: func(c Client) (vendors.Int, string) { return c.ID, c.Email },
	}}
}

// Create makes a client with a random password. See records.add.
func (a *Clients) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	return a.add(ctx, u, func(first, last string) (Client, error) {
		return a.api.CreateClient(ctx, NewClient{Email: vendors.NormalEmail(u.Email), Firstname: first, Lastname: last, Password: vendors.NewPassword()})
	})
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
