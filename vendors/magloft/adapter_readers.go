package magloft

import (
	"context"
	"errors"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Readers manages our users as readers of one app, enrolled by custom subscriptions. See
// README.md.
type Readers struct {
	records[Reader]
}

func newReaders(api *API) *Readers {
	return &Readers{records[Reader]{
		api: api, page: api.PageReaders, get: api.ReaderByID,
		of: func(r Reader) (vendors.Int, string) { return r.ID, r.Email },
		byEmail: func(ctx context.Context, email string) (vendors.Account, error) {
			r, err := api.ReaderByEmail(ctx, email)
			return answered(r, err, email)
		},
	}}
}

// The ports of Readers.
var (
	_ vendors.Checker       = (*Readers)(nil)
	_ vendors.Lister        = (*Readers)(nil)
	_ vendors.Provisioner   = (*Readers)(nil)
	_ vendors.Updater       = (*Readers)(nil)
	_ vendors.Deprovisioner = (*Readers)(nil)
	_ vendors.Disabler      = (*Readers)(nil)
	_ vendors.Renewer       = (*Readers)(nil)
	_ vendors.Unenroller    = (*Readers)(nil)
)

// answered returns the account in a response to a look-up by e-mail. Another reader in the
// response counts as missing: a server may read the end of the e-mail as a file format.
func answered(r Reader, err error, email string) (vendors.Account, error) {
	switch {
	case vendors.IsGone(err), err == nil && r.ID > 0 && !vendors.SameEmail(r.Email, email):
		return vendors.Account{}, vendors.ErrNotFound
	case err == nil && r.ID <= 0:
		return vendors.Account{}, odd("get reader", "the response is not a reader")
	}
	return vendors.Account{ID: strconv.Itoa(int(r.ID))}, err
}

// Create creates a reader without an e-mail to the reader, and stores our user id in the custom
// data. See records.add.
func (a *Readers) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	quiet := false
	return a.add(ctx, u, func(first, last string) (Reader, error) {
		return a.api.CreateReader(ctx, ReaderFields{
			Email: vendors.NormalEmail(u.Email), Name: first, Lastname: last, Confirmation: &quiet,
			CustomData: map[string]string{"external_id": u.ID},
		})
	})
}

// Delete ends the reader's subscription, if any, and deletes the reader. A missing reader is
// success.
func (a *Readers) Delete(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	reader, err := a.byAccount(ctx, "delete", acc)
	if errors.Is(err, vendors.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := a.end(ctx, reader); err != nil {
		return err
	}
	if err := a.api.DeleteReader(ctx, int(reader.ID)); !vendors.IsGone(err) {
		return err
	}
	return nil
}

// byAccount returns the account's reader, or vendors.ErrNotFound. A 404 counts only if the list
// of readers exists: a wrong base URL or app id shows nobody.
func (a *Readers) byAccount(ctx context.Context, op string, acc vendors.Account) (Reader, error) {
	readerID, err := vendors.ParseID(vendor, op, "account", acc.ID)
	if err != nil {
		return Reader{}, err
	}
	r, err := a.api.ReaderByID(ctx, readerID)
	if vendors.IsGone(err) {
		if err = a.Check(ctx); err == nil {
			return Reader{}, vendors.ErrNotFound
		}
	}
	if err != nil {
		return Reader{}, err
	}
	if int(r.ID) != readerID || r.Email == "" {
		return Reader{}, odd("get reader", "the response is not the requested reader")
	}
	return r, nil
}

// subscription returns the reader's subscription, and whether there is one. If the look-up by
// e-mail fails or shows another reader's subscription, the pages are searched, as in Find: a
// missed subscription would stay active after its end.
func (a *Readers) subscription(ctx context.Context, r Reader) (_ Subscription, exists bool, _ error) {
	s, err := a.api.SubscriptionByEmail(ctx, r.Email)
	switch {
	case err != nil && !vendors.IsGone(err):
		return Subscription{}, false, err
	case err == nil && s.ID <= 0:
		return Subscription{}, false, odd("get subscription", "the response is not a subscription")
	case err == nil && s.isOf(r):
		return s, true, nil
	}
	s, err = search(ctx, a.api.PageSubscriptions, r.Email, func(s Subscription) bool { return s.isOf(r) })
	if errors.Is(err, vendors.ErrNotFound) {
		return a.unfiltered(ctx, r)
	}
	return s, err == nil, err
}

// unfiltered searches all subscriptions, possibly many, for the reader's subscription. The
// search is skipped if a look-up of the reader proves that the server reads e-mails in paths
// correctly.
func (a *Readers) unfiltered(ctx context.Context, r Reader) (_ Subscription, exists bool, _ error) {
	shown, err := a.api.ReaderByEmail(ctx, r.Email)
	switch {
	case err == nil && shown.ID == r.ID:
		return Subscription{}, false, nil
	case err != nil && !vendors.IsGone(err):
		return Subscription{}, false, err
	}
	s, err := search(ctx, a.api.PageSubscriptions, "", func(s Subscription) bool { return s.isOf(r) })
	if errors.Is(err, vendors.ErrNotFound) {
		return Subscription{}, false, nil
	}
	return s, err == nil, err
}

// isOf reports whether the subscription belongs to the reader.
func (s Subscription) isOf(r Reader) bool {
	return s.ID > 0 && (s.Reader.ID == r.ID || vendors.SameEmail(s.Reader.Email, r.Email))
}
