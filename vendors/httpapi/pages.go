package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/usherhq/usher/vendors"
)

const (
	maxPages = 10_000    // more pages mean a broken list
	maxSeen  = 2_000_000 // items of one list
)

// listing is a list to be read.
type listing struct {
	op           string
	call         *Request
	items, total Expr
	pages        *Pages
	scope        *scope
}

// accounts returns the listing of all accounts.
func (e *engine) accounts(op string) listing {
	l := e.file.List
	return listing{op: op, call: &l.Request, items: l.Items, total: l.Total, pages: l.Pages, scope: e.scope(nil)}
}

// each calls yield with each account of a listing, once, while yield returns more.
func (e *engine) each(ctx context.Context, l listing, yield func(person) (more bool, err error)) error {
	var p person
	read := func(item any) (id string, err error) { p, err = e.person(item); return p.id, err }
	return e.pages(ctx, l, read, func(any) (bool, error) { return yield(p) })
}

// pages calls yield with each item of a listing while yield returns more. read returns the id of
// an item, so that an item on two pages counts once; nil: items have no ids.
func (e *engine) pages(ctx context.Context, l listing, read func(item any) (id string, err error), yield func(item any) (more bool, err error)) error {
	w := walker{listing: l, read: read, yield: yield}
	w.begin()
	for range maxPages {
		r := request{op: l.op, call: l.call, scope: w.scope(), reads: true, query: w.query(), items: w.size(), further: w.page > 0}
		out, err := e.do(ctx, r)
		if err != nil {
			return vendors.UnusableIfGone(err)
		}
		if out.verdict == isGone || out.verdict == isNobody {
			return e.none(ctx, out)
		}
		more, problem, err := w.take(out)
		switch {
		case err != nil:
			return err
		case problem != nil:
			return e.unreadable(out, problem.Error())
		case !more:
			return nil
		}
	}
	return vendors.Fail(e.file.Name, l.op, "the list does not end")
}

// none returns nil for a list that the vendor calls empty by a status.
func (e *engine) none(ctx context.Context, out reply) error {
	if err := e.missing(ctx, out); !errors.Is(err, vendors.ErrNotFound) {
		return err
	}
	return nil
}

// walker is the state of a list that is read page by page.
type walker struct {
	listing
	read  func(item any) (id string, err error)
	yield func(item any) (more bool, err error)

	page    int // pages read
	number  int // of the page
	offset  int // items of the pages before
	count   int // different items
	most    int // highest total: a deletion meanwhile moves items to pages read before
	seen    vendors.Pages
	cursor  string
	cursors vendors.Seen // or links
	link    url.Values   // query of the next page by the header Link
}

func (w *walker) begin() {
	w.number = 1
	if w.pages != nil && w.pages.First != nil {
		w.number = *w.pages.First
	}
}

func (w *walker) size() int {
	if w.pages == nil {
		return 0
	}
	return w.pages.Size
}

// scope returns the variables of the call of a page.
func (w *walker) scope() *scope { return w.listing.scope.with("page", int64(w.number)) }

// query returns the parameters of a page.
func (w *walker) query() url.Values {
	p, v := w.pages, url.Values{}
	if p == nil {
		return v
	}
	if p.SizeParam != "" {
		v.Set(p.SizeParam, strconv.Itoa(p.Size))
	}
	param := func(otherwise string) string {
		if p.Param != "" {
			return p.Param
		}
		return otherwise
	}
	switch p.By {
	case byPage:
		v.Set(param("page"), strconv.Itoa(w.number))
	case byOffset:
		v.Set(param("offset"), strconv.Itoa(w.offset))
	case byIndex:
		v.Set(param("startIndex"), strconv.Itoa(w.offset+1))
	case byCursor:
		if w.cursor != "" {
			v.Set(param("cursor"), w.cursor)
		}
	case byLink:
		for name, list := range w.link {
			v[name] = list
		}
	}
	return v
}

// take yields the items of a page, and reports whether there is a further page. problem is the
// reason why the answer is no page.
func (w *walker) take(out reply) (more bool, problem, err error) {
	if out.problem != nil {
		return false, out.problem, nil
	}
	total, known := w.totalOf(out)
	items, err := w.itemsOf(out, known && total == 0)
	if err != nil {
		return false, err, nil
	}
	fresh := 0
	for _, item := range items {
		if w.read != nil {
			id, err := w.read(item)
			if err != nil {
				return false, err, nil
			}
			if !w.seen.Add(id) {
				continue
			}
		}
		fresh++
		if more, err := w.yield(item); err != nil || !more {
			return false, nil, err
		}
	}
	w.page, w.count, w.offset = w.page+1, w.count+fresh, w.offset+len(items)
	if w.count > maxSeen {
		return false, fmt.Errorf("the list has more than %d items", maxSeen), nil
	}
	w.most = max(w.most, total)
	more, problem = w.next(out, len(items))
	if problem == nil && !more && known && w.count < w.most {
		problem = fmt.Errorf("the vendor counts %d items and shows %d", w.most, w.count)
	}
	if problem == nil && more && known && w.count >= w.most && w.pages.By != byCursor && w.pages.By != byLink {
		more = false
	}
	return more, problem, nil
}

// totalOf returns the number of all items by the vendor, if known.
func (w *walker) totalOf(out reply) (n int, known bool) {
	if !w.total.set() {
		return 0, false
	}
	value, err := out.scope.eval(w.total)
	if err != nil || value == nil {
		return 0, false
	}
	return wholeOf(value)
}

// itemsOf returns the items of a page. empty reports that the vendor counts none, and may leave the
// list out.
func (w *walker) itemsOf(out reply, empty bool) ([]any, error) {
	value, err := out.scope.eval(w.items)
	if err == nil && value != nil {
		list, ok := listOf(value)
		if body, whole := value.(map[string]any); whole && len(body) == 0 && w.items.isBody() {
			ok = false // an empty object is an answer without a list
		}
		if ok {
			return list, nil
		}
	}
	if empty && value == nil {
		return nil, nil
	}
	return nil, errors.New("the answer has no list: " + w.items.text)
}

// next moves to the next page, and reports whether there is one.
func (w *walker) next(out reply, got int) (more bool, problem error) {
	p := w.pages
	if p == nil {
		return false, nil
	}
	round := w.seen.Round()
	switch p.By {
	case byCursor:
		cursor, err := out.scope.text(p.Next)
		if err != nil || cursor == "" {
			return false, err // a page without a readable cursor may not be the last
		}
		if round || !w.cursors.Add(cursor) {
			return false, errors.New("the cursors of the pages go round")
		}
		w.cursor = cursor
		return true, nil
	case byLink:
		return w.follow(out, round)
	}
	w.number++
	switch {
	case got == 0, p.Until == untilShort && got < p.Size, w.isLast(out):
		return false, nil
	case round:
		return false, errors.New("the pages go round")
	}
	return true, nil
}

// isLast reports whether the page was the last one by the vendor's number.
func (w *walker) isLast(out reply) bool {
	if !w.pages.Last.set() {
		return false
	}
	value, err := out.scope.eval(w.pages.Last)
	last, ok := wholeOf(value)
	return err == nil && ok && w.number > last
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;[^,]*\brel="?next"?`)

// follow moves to the next page by the header Link. Only the query of the link is used, so that no
// answer can send the credentials elsewhere.
func (w *walker) follow(out reply, round bool) (more bool, problem error) {
	found := nextLink.FindStringSubmatch(strings.Join(out.header.Values("Link"), ", "))
	if found == nil {
		return false, nil
	}
	link, err := url.Parse(found[1])
	switch {
	case err != nil:
		return false, errors.New("the header Link has no URL")
	case path.Base(link.EscapedPath()) != path.Base(out.path):
		return false, errors.New("the header Link leads to another path than the list")
	case round || !w.cursors.Add(link.RawQuery):
		return false, errors.New("the links of the pages go round")
	}
	w.link = link.Query()
	return true, nil
}
