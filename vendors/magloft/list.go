package magloft

import (
	"context"
	"fmt"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// List gives the clients.
func (a *Clients) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return listAll(ctx, a.pages(""), yield)
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
	return listAll(ctx, a.pages(""), yield)
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

func listAll(ctx context.Context, pages pages, yield func(vendors.Listed) error) error {
	err := pages.each(ctx, func(l vendors.Listed) (more bool, err error) { return true, yield(l) })
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return nil
}

// search returns the oldest account with exactly this e-mail, or vendors.ErrNotFound.
func search(ctx context.Context, pages pages, email string) (vendors.Account, error) {
	found := vendors.Account{}
	err := pages.each(ctx, func(l vendors.Listed) (more bool, _ error) {
		if l.ID != "0" && vendors.SameEmail(l.Email, email) {
			found.ID = l.ID
		}
		return found.ID == "", nil
	})
	if err == nil && found.ID == "" {
		err = vendors.ErrNotFound
	}
	return found, err
}

// pages gives one page of a list, and how many records there are on all.
type pages func(ctx context.Context, q Query) (records []vendors.Listed, total int, err error)

// pages are those of the clients whom the filter leaves; empty: of all.
func (a *Clients) pages(filter string) pages {
	return of(filter, a.api.PageClients, func(c Client) (int, string) { return int(c.ID), c.Email })
}

// pages are those of the readers whom the filter leaves; empty: of all.
func (a *Readers) pages(filter string) pages {
	return of(filter, a.api.PageReaders, func(r Reader) (int, string) { return int(r.ID), r.Email })
}

func of[T any](filter string, page func(context.Context, Query) (Page[T], error), read func(T) (id int, email string)) pages {
	return func(ctx context.Context, q Query) ([]vendors.Listed, int, error) {
		q.Filter = filter
		p, err := page(ctx, q)
		var records []vendors.Listed
		for _, r := range p.Records {
			id, email := read(r)
			records = append(records, vendors.Listed{ID: strconv.Itoa(max(0, id)), Email: email})
		}
		return records, int(p.Total), err
	}
}

// each walks the pages, oldest record first, for as long as yield wants more.
func (page pages) each(ctx context.Context, yield func(vendors.Listed) (more bool, err error)) error {
	q := Query{PerPage: pageSize, OrderBy: "id", OrderDir: "asc"}
	seen := 0
	for q.Page = 1; q.Page <= maxPages; q.Page++ {
		records, total, err := page(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range records {
			if more, err := yield(r); err != nil || !more {
				return err
			}
		}
		if seen += len(records); len(records) == 0 || seen >= total {
			return nil
		}
	}
	return vendors.Fail(vendor, "find", "the list does not end")
}
