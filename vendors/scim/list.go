package scim

import (
	"context"
	"fmt"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

const maxPages = 10_000 // more pages mean a broken list

// List calls yield with each user. An error of yield ends List and is returned. A list with fewer
// users than the server counts is an error: the missing users may exist.
func (a *Adapter) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return a.each(ctx, "list", Query{StartIndex: 1}, func(u User) error { return yield(a.listed(u)) })
}

// Show returns the account by its id, or vendors.ErrNotFound.
func (a *Adapter) Show(ctx context.Context, acc vendors.Account) (vendors.Listed, error) {
	r, err := a.get(ctx, acc.ID)
	if err != nil {
		return vendors.Listed{}, err
	}
	return a.listed(r.User), nil
}

// listed returns a user as an entry of the list. A disabled account counts as deleted.
func (a *Adapter) listed(u User) vendors.Listed {
	return vendors.Listed{ID: u.ID, Email: u.email(), Staff: a.isStaff(u), Deleted: !u.active()}
}

// ListCourses calls yield with each group. An error of yield ends ListCourses and is returned.
func (a *Adapter) ListCourses(ctx context.Context, yield func(vendors.ListedCourse) error) error {
	q := Query{StartIndex: 1, Count: a.config.PageSize}
	if q.Cursors = a.config.Pages == PagesCursor; q.Cursors {
		q.StartIndex = 0
	}
	var seen vendors.Seen
	for range maxPages {
		page, err := a.api.ListGroups(ctx, q)
		if err != nil {
			return err
		}
		known := seen.Len()
		for _, g := range page.Resources {
			if !seen.Add(g.ID) {
				continue
			}
			if err := yield(vendors.ListedCourse{ID: g.ID, Name: g.DisplayName}); err != nil {
				return err
			}
		}
		switch {
		case seen.Len() == known, page.NextCursor == "" && q.StartIndex == 0:
			return nil
		case page.NextCursor != "":
			q.Cursor, q.StartIndex, q.Cursors = page.NextCursor, 0, false
		default:
			q.StartIndex += len(page.Resources)
		}
	}
	return vendors.Fail(vendor, "list courses", "the list of groups does not end")
}

// each calls yield once with each user that a query finds. The order of pages is not stable at
// most servers, so each counts the different users, and asks for the page behind the last one
// of a whole list: some servers count only the users of one page.
func (a *Adapter) each(ctx context.Context, op string, q Query, yield func(User) error) error {
	w := walk{op: op, whole: q.Filter == ""}
	q.Count = a.config.PageSize
	if q.Cursors = a.config.Pages == PagesCursor; q.Cursors {
		q.StartIndex = 0
	}
	for range maxPages {
		page, err := a.api.ListUsers(ctx, q)
		if w.complete() && (vendors.IsRefused(err) || vendors.IsGone(err)) {
			return nil // nothing is behind the last page
		}
		if err != nil {
			return err
		}
		fresh, err := w.take(page, q.Cursors || q.Cursor != "", yield)
		if err != nil {
			return err
		}
		more, err := w.next(&q, page, fresh)
		if err != nil || !more {
			return err
		}
	}
	return vendors.Fail(vendor, op, "the list of users does not end")
}

// walk is the state of each.
type walk struct {
	op    string
	whole bool         // whether the list is without a filter
	seen  vendors.Seen // ids
	total int          // users by the count of the server
	known bool         // whether total is known
}

// complete reports whether as many users were seen as the server counts.
func (w *walk) complete() bool { return w.known && w.seen.Len() >= w.total && w.seen.Len() > 0 }

// take calls yield with the new users of a page, and returns their number.
func (w *walk) take(page List[User], cursors bool, yield func(User) error) (fresh int, _ error) {
	if page.TotalResults == nil && (!cursors || page.Resources == nil) {
		return 0, unreadable("list users", "the response has no totalResults")
	}
	if w.known = page.TotalResults != nil; w.known {
		w.total = int(*page.TotalResults)
	}
	for _, u := range page.Resources {
		if u.ID == "" {
			return 0, unreadable("list users", "a user has no id")
		}
		if !w.seen.Add(u.ID) {
			continue
		}
		fresh++
		if err := yield(u); err != nil {
			return fresh, err
		}
	}
	return fresh, nil
}

// next sets the query of the next page, and reports whether there is one.
func (w *walk) next(q *Query, page List[User], fresh int) (more bool, _ error) {
	got := len(page.Resources)
	switch {
	case page.NextCursor != "" && (page.NextCursor == q.Cursor || (got > 0 && fresh == 0)):
		return false, w.broken("the cursors of the pages go round")
	case page.NextCursor != "":
		q.Cursor, q.StartIndex, q.Cursors = page.NextCursor, 0, false
		return true, nil
	case q.Cursors || q.Cursor != "":
		return false, w.short()
	case fresh == 0:
		return false, w.short()
	case w.complete() && !w.whole:
		return false, nil
	}
	q.StartIndex = max(q.StartIndex, 1) + got
	return true, nil
}

// short returns an error if fewer users were seen than the server counts.
func (w *walk) short() error {
	if w.known && w.seen.Len() < w.total {
		return w.broken(fmt.Sprintf("the server counts %d users and shows %d", w.total, w.seen.Len()))
	}
	return nil
}

// broken returns the error of a list that proves nothing.
func (w *walk) broken(message string) error {
	return &vendors.Error{Vendor: vendor, Op: w.op, Status: http.StatusOK, Unreadable: true, Message: message}
}
