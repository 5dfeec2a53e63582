package magloft

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

const pageSize = 100 // records per page of a search

// New returns the adapter of the mode, *Clients or *Readers, or the error of Config.Validate.
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

// Clients manages our users as portal editors, the only kind of account in the original
// document. Clients cannot be enrolled. See README.md.
type Clients struct {
	records[Client]
}

func newClients(api *API) *Clients {
	return &Clients{records[Client]{
		api: api, page: api.PageClients, get: api.GetClient,
		of: func(c Client) (vendors.Int, string) { return c.ID, c.Email },
	}}
}

// Create creates a client with a random password. See records.add.
func (a *Clients) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	return a.add(ctx, u, func(first, last string) (Client, error) {
		return a.api.CreateClient(ctx, NewClient{Email: vendors.NormalEmail(u.Email), Firstname: first, Lastname: last, Password: vendors.NewPassword()})
	})
}

// Delete deletes the client. A missing client is success.
func (a *Clients) Delete(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	clientID, err := vendors.ParseID(vendor, "delete", "account", acc.ID)
	if err != nil {
		return err
	}
	err = a.api.DeleteClient(ctx, clientID)
	if vendors.IsGone(err) {
		err = a.Check(ctx) // a missing list means a wrong base URL, not a missing client
	}
	return err
}

// names returns the first name, which MagLoft requires, and the last name.
func names(u vendors.User) (first, last string) {
	if u.FirstName == "" {
		return u.Name(), ""
	}
	return u.FirstName, u.LastName
}
