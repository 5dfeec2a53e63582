package magloft

import (
	"context"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// search returns the oldest record with match, among the records that the filter leaves, or
// vendors.ErrNotFound. A rejected filter is dropped, because its form is undocumented.
func search[T entry](ctx context.Context, page pages[T], filter string, match func(T) bool) (T, error) {
	var found T
	there := false
	err := each(ctx, page, filter, func(record T) (more bool, _ error) {
		if there = match(record); there {
			found = record
		}
		return !there, nil
	})
	switch {
	case filter != "" && vendors.IsRefused(err):
		return search(ctx, page, "", match)
	case err == nil && !there:
		err = vendors.ErrNotFound
	}
	return found, err
}

// pages is a call that returns one page of a list.
type pages[T any] func(ctx context.Context, q Query) (Page[T], error)

// entry is a record of a list, with a number of its own.
type entry interface{ number() vendors.Int }

func (c Client) number() vendors.Int { return c.ID }

func (r Reader) number() vendors.Int { return r.ID }

func (s Subscription) number() vendors.Int { return s.ID }

// each calls yield once with each record of the filter, oldest first, while yield returns more.
func each[T entry](ctx context.Context, page pages[T], filter string, yield func(T) (more bool, err error)) error {
	q := Query{PerPage: pageSize, OrderBy: "id", OrderDir: "asc", Filter: filter}
	var seen vendors.Pages
	for q.Page = 1; ; q.Page++ {
		p, err := page(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range p.Records {
			if !seen.Add(strconv.Itoa(int(r.number()))) {
				continue
			}
			if more, err := yield(r); err != nil || !more {
				return err
			}
		}
		if len(p.Records) == 0 || seen.Len() >= int(p.Total) {
			return nil
		}
		if err := seen.Turn(vendor, "find"); err != nil {
			return err
		}
	}
}
