package httpapi

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/usherhq/usher/vendors"
)

// flag is set once.
type flag = atomic.Bool

// person is an account as the vendor shows it.
type person struct {
	item              any // as the vendor shows it
	id, email, userID string
	staff, off        bool
	deleted           bool
	unknown           error // why account.staff has no value; such an account counts as staff
}

var (
	errNoAccount = errors.New("the answer shows no account")
	errNoID      = errors.New("an account has no id")
)

// person reads an account.
func (e *engine) person(item any) (p person, err error) {
	if members, ok := item.(map[string]any); !ok || len(members) == 0 {
		return p, errNoAccount
	}
	p.item = item
	a, s := e.file.Account, e.scope(map[string]any{"item": item})
	if p.id, err = s.text(a.ID); err != nil || strings.TrimSpace(p.id) == "" || p.id == "0" {
		return p, errNoID
	}
	p.id = plainID(p.id)
	if p.email, err = s.text(a.Email); err != nil {
		p.email = ""
	}
	if p.userID, err = s.text(a.UserID); err != nil {
		p.userID = ""
	}
	if p.off, err = s.is(a.Off); err == nil {
		p.deleted, err = s.is(a.Deleted)
	}
	p.staff, p.unknown = s.is(a.Staff)
	p.staff = p.staff || p.unknown != nil // an account without a role may be one of staff
	return p, err
}

// is returns the truth of an expression; false without one.
func (s *scope) is(e Expr) (bool, error) {
	if !e.set() {
		return false, nil
	}
	value, err := s.eval(e)
	if err != nil {
		return false, err
	}
	yes, ok := value.(bool)
	if !ok && value != nil {
		err = errors.New(e.text + ": is neither true nor false")
	}
	return yes, err
}

var withPoint = regexp.MustCompile(`^[0-9]+\.0+$`)

// plainID returns an id without blanks around, and a number without zeros behind a point: some
// encoders write 7 as 7.0.
func plainID(id string) string {
	id = strings.TrimSpace(id)
	if withPoint.MatchString(id) {
		id, _, _ = strings.Cut(id, ".")
	}
	return id
}

// wholeOf returns the whole number in a value, also in a text.
func wholeOf(value any) (n int, ok bool) {
	text, ok := textOf(value)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(plainID(text))
	return n, err == nil
}

// listOf returns the list in a value. An object with numbers as names is a list, as PHP writes a
// list with gaps.
func listOf(value any) ([]any, bool) {
	if list, ok := value.([]any); ok {
		return list, true
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	keys := make([]int, 0, len(object))
	for name := range object {
		n, err := strconv.Atoi(name)
		if err != nil || n < 0 || strconv.Itoa(n) != name { // 1 and 01 would hide an element
			return nil, false
		}
		keys = append(keys, n)
	}
	slices.Sort(keys)
	list := make([]any, 0, len(keys))
	for _, n := range keys {
		list = append(list, object[strconv.Itoa(n)])
	}
	return list, true
}

// show returns an account by the id, or vendors.ErrNotFound.
func (e *engine) show(ctx context.Context, op string, a vendors.Account) (person, error) {
	return e.showBy(ctx, op, a, e.shows)
}

func (e *engine) showBy(ctx context.Context, op string, a vendors.Account, control func(context.Context) error) (person, error) {
	s := e.file.Show
	if s.InList {
		return e.inList(ctx, op, a)
	}
	out, err := e.do(ctx, request{op: op, call: &s.Request, scope: e.scope(accountVars(a)), reads: true, goneBy404: true, control: control})
	if err != nil {
		return person{}, err
	}
	if out.verdict == isGone {
		return person{}, e.missing(ctx, out)
	}
	p, err := e.shown(out, s.Item)
	switch {
	case err != nil:
		return person{}, e.unreadable(out, err.Error())
	case p.id != a.ID:
		return person{}, e.unreadable(out, "the answer is not the requested account")
	}
	return p, nil
}

// inList returns the account with the id in the list, or vendors.ErrNotFound after the whole list.
func (e *engine) inList(ctx context.Context, op string, a vendors.Account) (found person, err error) {
	err = e.each(ctx, e.accounts(op), func(p person) (bool, error) {
		if p.id == a.ID {
			found = p
		}
		return found.id == "", nil
	})
	if err == nil && found.id == "" {
		err = vendors.ErrNotFound
	}
	return found, err
}

// shown reads the account in an answer: by an expression, or the whole body.
func (e *engine) shown(out reply, item Expr) (person, error) {
	if out.problem != nil {
		return person{}, out.problem
	}
	if !item.set() {
		return e.person(out.body())
	}
	value, err := out.scope.eval(item)
	if err != nil {
		return person{}, errNoAccount
	}
	return e.person(value)
}

// missing returns vendors.ErrNotFound if the vendor answers other calls: a wrong base URL answers
// 404 to all.
func (e *engine) missing(ctx context.Context, out reply) error {
	if out.status > 299 {
		if err := e.Check(ctx); err != nil {
			return err
		}
	}
	return vendors.ErrNotFound
}

// shows returns an error unless the vendor shows the first account of the list, if any.
func (e *engine) shows(ctx context.Context) error {
	first, err := e.first(ctx)
	if err != nil || first.id == "" {
		return err
	}
	_, err = e.showBy(ctx, "show", vendors.Account{ID: first.id, Email: first.email}, nil)
	return err
}

// first returns the first account of the list; no id in an empty list. Without a list nothing can
// be proved.
func (e *engine) first(ctx context.Context) (first person, err error) {
	if e.file.List == nil {
		return first, errNoAccount
	}
	err = e.each(ctx, e.accounts("list"), func(p person) (bool, error) { first = p; return false, nil })
	return first, err
}

// Check makes the cheapest call that proves the credentials valid.
func (e *engine) Check(ctx context.Context) error {
	c := e.file.Check
	_, err := e.do(ctx, request{op: "check", call: c, scope: e.scope(nil), reads: c.GET.set(), repeat: repeatSafe})
	return vendors.UnusableIfGone(err)
}

// List calls yield with each account. An error of yield ends List and is returned.
func (e *engine) List(ctx context.Context, yield func(vendors.Listed) error) error {
	return e.each(ctx, e.accounts("list"), func(p person) (bool, error) { return true, yield(listed(p)) })
}

// Show returns the account by the id, or vendors.ErrNotFound.
func (e *engine) Show(ctx context.Context, a vendors.Account) (vendors.Listed, error) {
	p, err := e.show(ctx, "show", a)
	return listed(p), err
}

// listed returns an account as an entry of the list. A disabled account counts as deleted.
func listed(p person) vendors.Listed {
	return vendors.Listed{ID: p.id, Email: p.email, Staff: p.staff, Deleted: p.off || p.deleted}
}

// ListCourses calls yield with each course. An error of yield ends ListCourses and is returned.
func (e *engine) ListCourses(ctx context.Context, yield func(vendors.ListedCourse) error) error {
	c := e.file.Courses
	l := listing{op: "courses", call: &c.Request, items: c.Items, total: c.Total, pages: c.Pages, scope: e.scope(nil)}
	var course vendors.ListedCourse
	return e.pages(ctx, l, func(item any) (string, error) {
		s := e.scope(map[string]any{"item": item})
		id, err := s.text(c.ID)
		if err != nil || id == "" {
			return "", errors.New("a course has no id")
		}
		course = vendors.ListedCourse{ID: plainID(id)}
		if course.Name, err = s.text(c.Name); err != nil {
			course.Name = ""
		}
		return course.ID, nil
	}, func(any) (bool, error) { return true, yield(course) })
}

// Enrolled reports whether the account is in the course. For the whole answer, 404 and 410 mean that
// the account is not, unless a rule fits.
func (e *engine) Enrolled(ctx context.Context, a vendors.Account, c vendors.Course) (bool, error) {
	q := e.file.Enrolled
	vars := accountVars(a)
	vars["course"] = courseVar(c)
	vars["user"] = map[string]any{}
	s := e.scope(vars)
	if q.Items.set() {
		in := false
		l := listing{op: "enrolled", call: &q.Request, items: q.Items, total: q.Total, pages: q.Pages, scope: s}
		err := e.pages(ctx, l, nil, func(item any) (bool, error) {
			yes, err := s.with("item", item).holds(q.Is)
			in = in || yes
			return !in, err
		})
		return in, err
	}
	out, err := e.do(ctx, request{op: "enrolled", call: &q.Request, scope: s, reads: true, goneBy404: true})
	switch {
	case err != nil:
		return false, err
	case out.verdict == isGone:
		if err := e.missing(ctx, out); !errors.Is(err, vendors.ErrNotFound) {
			return false, err
		}
		return false, nil
	case out.problem != nil:
		return false, e.unreadable(out, out.problem.Error())
	}
	yes, err := out.scope.is(q.Is)
	if err != nil {
		return false, e.unreadable(out, err.Error())
	}
	return yes, nil
}
