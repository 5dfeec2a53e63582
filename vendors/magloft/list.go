package magloft

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

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
