package magloft

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// Update sets the names that u has and never sends a password. MagLoft has no call that changes
// a client's e-mail: for a different e-mail Update sets the names and returns a permanent
// error.
func (a *Clients) Update(ctx context.Context, _ vendors.Origin, acc vendors.Account, u vendors.User) error {
	clientID, err := vendors.ParseID(vendor, "update", "account", acc.ID)
	if err != nil {
		return err
	}
	known, err := a.api.GetClient(ctx, clientID)
	switch {
	case err == nil && int(known.ID) != clientID:
		err = odd("get client", "the response is not the requested client")
	case err == nil && u.FullName() != "":
		err = a.api.UpdateClient(ctx, clientID, ClientChange{Firstname: u.FirstName, Lastname: u.LastName})
	}
	switch {
	case vendors.IsGone(err):
		return vendors.ErrNotFound
	case err != nil:
		return err
	case u.Email != "" && !vendors.SameEmail(u.Email, known.Email):
		return vendors.Fail(vendor, "update",
			"the names are set, but MagLoft has no call that changes a client's e-mail").WithRemedy("change the e-mail in the portal, then replay")
	}
	return nil
}

// Update sets the names and the e-mail that u has. Other parameters of the call, such as
// password and custom data, are not sent and stay unchanged. The response is ignored, because
// the document's samples of updates disagree.
func (a *Readers) Update(ctx context.Context, _ vendors.Origin, acc vendors.Account, u vendors.User) error {
	readerID, err := vendors.ParseID(vendor, "update", "account", acc.ID)
	if err != nil {
		return err
	}
	err = a.api.UpdateReader(ctx, readerID, ReaderFields{Email: vendors.NormalEmail(u.Email), Name: u.FirstName, Lastname: u.LastName})
	if vendors.IsGone(err) {
		return vendors.ErrNotFound
	}
	return err
}
