package magloft

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

const (
	pageSize = 100    // of a search
	maxPages = 10_000 // a list that does not end is not the one that is documented
)

// New returns the adapter of the configured mode, *Clients or *Readers, or an
// error that names everything missing.
func New(c Config) (vendors.Adapter, error) {
	if err := c.Validate(); err != nil {
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
	clientID, err := vendors.ParseID(vendor, "delete", "account", acc.ID)
	if err != nil {
		return err
	}
	err = a.api.DeleteClient(ctx, clientID)
	if vendors.IsGone(err) {
		err = a.Check(ctx) // where there is no list either, it is not the client that is missing
	}
	return err
}

// names returns a first name, which MagLoft requires, and a last one.
func names(u vendors.User) (first, last string) {
	if u.FirstName == "" {
		return u.Name(), ""
	}
	return u.FirstName, u.LastName
}
