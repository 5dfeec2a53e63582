package magloft

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// search returns the oldest record with match, among the records that the filter leaves, or
// vendors.ErrNotFound. A rejected filter is dropped, because its form is undocumented.
func search[T any](ctx context.Context, page pages[T], filter string, match func(T) bool) (T, error) {
	var found T
	there := false
	err := page.each(ctx, filter, func(record T) (more bool, _ error) {
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

// each calls yield with the records that the filter leaves, oldest first, while yield returns
// more.
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
