package magloft

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// List gives the clients.
func (a *Clients) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return listAll(ctx, a.api.PageClients, func(c Client) vendors.Listed { return listed(c.ID, c.Email) }, yield)
}

// Show asks for the client.
func (a *Clients) Show(ctx context.Context, acc vendors.Account) (vendors.Listed, error) {
	clientID, err := number("show", acc)
	if err != nil {
		return vendors.Listed{}, err
	}
	c, err := a.api.GetClient(ctx, clientID)
	return shown(acc, int(c.ID), c.Email, err)
}

// List gives the readers.
func (a *Readers) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return listAll(ctx, a.api.PageReaders, func(r Reader) vendors.Listed { return listed(r.ID, r.Email) }, yield)
}

// Show asks for the reader.
func (a *Readers) Show(ctx context.Context, acc vendors.Account) (vendors.Listed, error) {
	readerID, err := number("show", acc)
	if err != nil {
		return vendors.Listed{}, err
	}
	r, err := a.api.ReaderByID(ctx, readerID)
	return shown(acc, int(r.ID), r.Email, err)
}

// shown reads the answer to a question for one account.
func shown(asked vendors.Account, id int, email string, err error) (vendors.Listed, error) {
	switch {
	case vendors.IsGone(err):
		return vendors.Listed{}, vendors.ErrNotFound
	case err != nil:
		return vendors.Listed{}, fmt.Errorf("show: %w", err)
	case strconv.Itoa(id) != asked.ID:
		return vendors.Listed{}, fmt.Errorf("show: %w", odd("show", "the answer is not the account that was asked for"))
	}
	return vendors.Listed{ID: asked.ID, Email: email}, nil
}

func listAll[T any](ctx context.Context, page pages[T], listed func(T) vendors.Listed, yield func(vendors.Listed) error) error {
	err := page.each(ctx, "", func(record T) (more bool, err error) { return true, yield(listed(record)) })
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return nil
}

// held tells whether a record is the account with the e-mail. Nobody has an empty one.
func held(id vendors.Int, has, email string) bool {
	return id > 0 && email != "" && vendors.SameEmail(has, email)
}

func listed(id vendors.Int, email string) vendors.Listed {
	return vendors.Listed{ID: strconv.Itoa(max(0, int(id))), Email: email}
}

// search returns the oldest record that fits, of those that the filter leaves, or
// vendors.ErrNotFound. A filter that is refused is left out: its form is not documented.
func search[T any](ctx context.Context, page pages[T], filter string, fits func(T) bool) (T, error) {
	var found T
	there := false
	err := page.each(ctx, filter, func(record T) (more bool, _ error) {
		if there = fits(record); there {
			found = record
		}
		return !there, nil
	})
	switch {
	case filter != "" && vendors.IsRefused(err):
		return search(ctx, page, "", fits)
	case err == nil && !there:
		err = vendors.ErrNotFound
	}
	return found, err
}

// lastLook is Find, and where that finds nobody, a search of all pages: before a
// creation is given up, whose refusal may be of an e-mail that the filter does not find.
func lastLook(ctx context.Context, a interface {
	Find(ctx context.Context, u vendors.User) (vendors.Account, error)
	search(ctx context.Context, email, filter string) (vendors.Account, error)
}, u vendors.User,
) (vendors.Account, error) {
	found, err := a.Find(ctx, u)
	if errors.Is(err, vendors.ErrNotFound) {
		return a.search(ctx, vendors.NormalEmail(u.Email), "")
	}
	return found, err
}

// pages is a call that gives one page of a list.
type pages[T any] func(ctx context.Context, q Query) (Page[T], error)

// each walks the pages that the filter leaves, oldest record first, for as long as
// yield wants more.
func (page pages[T]) each(ctx context.Context, filter string, yield func(T) (more bool, err error)) error {
	q := Query{PerPage: pageSize, OrderBy: "id", OrderDir: "asc", Filter: filter}
	seen := 0
	for q.Page = 1; q.Page <= maxPages; q.Page++ {
		p, err := page(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range p.Records {
			if more, err := yield(r); err != nil || !more {
				return err
			}
		}
		if seen += len(p.Records); len(p.Records) == 0 || seen >= int(p.Total) {
			return nil
		}
	}
	return vendors.Fail(vendor, "find", "the list does not end")
}
