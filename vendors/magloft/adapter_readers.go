package magloft

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Readers makes our users readers of one app, and enrols them by custom
// subscriptions. See README.md.
type Readers struct {
	api *API
}

// The ports of Readers.
var (
	_ vendors.Checker       = (*Readers)(nil)
	_ vendors.Lister        = (*Readers)(nil)
	_ vendors.Provisioner   = (*Readers)(nil)
	_ vendors.Updater       = (*Readers)(nil)
	_ vendors.Deprovisioner = (*Readers)(nil)
	_ vendors.Renewer       = (*Readers)(nil)
	_ vendors.Unenroller    = (*Readers)(nil)
)

// API returns the client for the documented calls.
func (a *Readers) API() *API { return a.api }

// Check lists one reader.
func (a *Readers) Check(ctx context.Context) error {
	_, err := a.api.PageReaders(ctx, Query{PerPage: 1})
	return err
}

// Find asks for the reader by e-mail and compares what comes. Where that finds
// nobody it searches the pages, since a server might take the end of the e-mail
// for a format. Nobody has an empty e-mail.
func (a *Readers) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	email := vendors.NormalEmail(u.Email)
	if email == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	r, err := a.api.ReaderByEmail(ctx, email)
	switch {
	case err != nil && !vendors.IsGone(err):
		return vendors.Account{}, fmt.Errorf("find: %w", err)
	case err == nil && r.ID <= 0:
		return vendors.Account{}, fmt.Errorf("find: %w", odd("get reader", "the answer is not a reader"))
	case err == nil && vendors.SameEmail(r.Email, email):
		return vendors.Account{ID: strconv.Itoa(int(r.ID))}, nil
	}
	found, err := a.search(ctx, email, email)
	if err != nil {
		return vendors.Account{}, fmt.Errorf("find: %w", err)
	}
	return found, nil
}

// search looks for the e-mail in the pages of readers that the filter leaves.
func (a *Readers) search(ctx context.Context, email, filter string) (vendors.Account, error) {
	r, err := search(ctx, a.api.PageReaders, filter, func(r Reader) bool { return held(r.ID, r.Email, email) })
	return vendors.Account{ID: strconv.Itoa(int(r.ID))}, err
}

// Create makes a reader who gets no e-mail about it, and notes our id in the
// custom data. Where MagLoft refuses, it looks once more, at last through all
// readers: the answer to an e-mail that is taken is not documented. An answer
// that is not this user's is an Unknown error.
func (a *Readers) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	first, last := names(u)
	quiet := false
	made, err := a.api.CreateReader(ctx, ReaderFields{
		Email: vendors.NormalEmail(u.Email), Name: first, Lastname: last, Confirmation: &quiet,
		CustomData: map[string]string{"external_id": u.ID},
	})
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

// Delete ends the reader's subscription, if there is one, and removes the
// reader. A reader who is not there is success.
func (a *Readers) Delete(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	reader, err := a.byAccount(ctx, "delete", acc)
	if errors.Is(err, vendors.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := a.end(ctx, reader); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := a.api.DeleteReader(ctx, int(reader.ID)); err != nil && !vendors.IsGone(err) {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// byAccount returns the account's reader, or vendors.ErrNotFound. A reader is not
// there only where the list of readers is: a wrong base URL or app id shows nobody.
func (a *Readers) byAccount(ctx context.Context, op string, acc vendors.Account) (Reader, error) {
	readerID, err := number(op, acc)
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
		return Reader{}, fmt.Errorf("%s: %w", op, err)
	}
	if int(r.ID) != readerID || r.Email == "" {
		return Reader{}, fmt.Errorf("%s: %w", op, odd("get reader", "the answer is not the reader that was asked for"))
	}
	return r, nil
}

// subscription returns the reader's subscription, and whether there is one. Where
// the e-mail in the path finds none, or another's, it searches the pages, as Find
// does: a subscription that is passed over would go on after its end.
func (a *Readers) subscription(ctx context.Context, r Reader) (_ Subscription, exists bool, _ error) {
	s, err := a.api.SubscriptionByEmail(ctx, r.Email)
	switch {
	case err != nil && !vendors.IsGone(err):
		return Subscription{}, false, err
	case err == nil && s.ID <= 0:
		return Subscription{}, false, odd("get subscription", "the answer is not a subscription")
	case err == nil && s.isOf(r):
		return s, true, nil
	}
	s, err = search(ctx, a.api.PageSubscriptions, r.Email, func(s Subscription) bool { return s.isOf(r) })
	if errors.Is(err, vendors.ErrNotFound) {
		return a.unfiltered(ctx, r)
	}
	return s, err == nil, err
}

// unfiltered searches all subscriptions, which may be many, for the reader's, unless
// the reader's own e-mail shows that the server takes e-mails in paths as they are.
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

// isOf tells whether the subscription is the reader's.
func (s Subscription) isOf(r Reader) bool {
	return s.ID > 0 && (s.Reader.ID == r.ID || vendors.SameEmail(s.Reader.Email, r.Email))
}
