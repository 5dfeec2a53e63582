package httpapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// object returns an account as the file reads accounts: the data sent, with the id and the e-mail.
func (s *StandIn) object(a *kept) map[string]any {
	f := s.engine.file.Account
	object := copyOf(a.fields)
	var id any = a.id
	if n, err := strconv.ParseInt(a.id, 10, 64); err == nil {
		id = n
	}
	object = assign(object, tail(f.ID), id)
	if f.Email.set() {
		object = assign(object, tail(f.Email), a.email)
	}
	if f.UserID.set() {
		object = assign(object, tail(f.UserID), a.userID)
	}
	for _, one := range []struct {
		e    Expr
		want bool
	}{{f.Staff, a.staff}, {f.Deleted, false}, {f.Off, a.off}} {
		object = s.coax(object, one.e, "item", one.want)
	}
	out, _ := object.(map[string]any)
	return out
}

// search answers a look-up or a list.
func (s *StandIn) search(r route, x sent, found map[string]string) made {
	f := s.engine.file
	var hits []any
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		if a := s.accounts[id]; r.op != "find" || a.matches(x, found) {
			hits = append(hits, s.object(a))
		}
	}
	if r.find != nil && r.find.Item.set() {
		if len(hits) == 0 {
			return s.answerAs(r, isNobody, http.StatusNotFound)
		}
		return s.with(http.StatusOK, fill{r.find.Item, hits[0]})
	}
	l := listing{call: r.call}
	switch {
	case r.find != nil:
		l.items, l.total, l.pages = r.find.Items, r.find.Total, r.find.Pages
	case f.List != nil:
		l.items, l.total, l.pages = f.List.Items, f.List.Total, f.List.Pages
	default:
		return s.success(r)
	}
	return s.page(l, x, found, hits)
}

// matches reports whether a search may find the account: vendors match by parts.
func (a *kept) matches(x sent, found map[string]string) bool {
	texts := slices.Collect(maps.Values(found))
	for _, list := range x.query {
		texts = append(texts, list...)
	}
	for _, text := range texts {
		text = strings.ToLower(text)
		if a.email != "" && strings.Contains(text, a.email) || a.userID != "" && strings.Contains(text, strings.ToLower(a.userID)) {
			return true
		}
		if _, behind, ok := strings.Cut(text, "="); ok {
			text = behind
		}
		if len(text) > 3 && strings.Contains(a.email, text) {
			return true
		}
	}
	return false
}

// page returns one page of hits.
func (s *StandIn) page(l listing, x sent, found map[string]string, hits []any) made {
	from, size := 0, len(hits)
	fills := []fill{{l.total, len(hits)}}
	if p := l.pages; p != nil {
		size = max(p.Size, 1)
		if p.Size == 0 {
			size = 50
		}
		from = p.from(x, found, size)
		if p.Last.set() {
			fills = append(fills, fill{p.Last, (len(hits) + size - 1) / size})
		}
		if p.Next.set() {
			var next any
			if from+size < len(hits) {
				next = "at-" + strconv.Itoa(from+size)
			}
			fills = append(fills, fill{p.Next, next})
		}
		if p.By == byLink && from+size < len(hits) {
			return s.linked(l, x, from+size, hits[from:from+size])
		}
	}
	from = min(from, len(hits))
	page := append([]any{}, hits[from:min(from+size, len(hits))]...)
	if !l.total.set() {
		fills = fills[1:]
	}
	return s.with(http.StatusOK, append(fills, fill{l.items, page})...)
}

// linked returns a page with the header Link.
func (s *StandIn) linked(l listing, x sent, next int, page []any) made {
	m := s.with(http.StatusOK, fill{l.items, append([]any{}, page...)})
	m.header["Link"] = fmt.Sprintf(`<%s?at=%d>; rel="next"`, x.path, next)
	return m
}

// from returns the number of items before the page of a request.
func (p *Pages) from(x sent, found map[string]string, size int) int {
	first := 1
	if p.First != nil {
		first = *p.First
	}
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(x.query.Get(cmp.Or(p.Param, name)), "at-"))
		if err != nil {
			return 0
		}
		return n
	}
	switch p.By {
	case byPage:
		return max(number("page")-first, 0) * size
	case byOffset:
		return number("offset")
	case byIndex:
		return max(number("startIndex")-1, 0)
	case byCursor:
		return number("cursor")
	case byLink:
		n, _ := strconv.Atoi(x.query.Get("at"))
		return n
	}
	n, _ := strconv.Atoi(found["page"])
	return max(n-first, 0) * size
}

// enrolled answers whether an account is in a course. A request that names only one of the two gets
// all enrolments of the account, or of the course.
func (s *StandIn) enrolled(found map[string]string) made {
	q := s.engine.file.Enrolled
	course, account := found["course.id"], plainID(found["account.id"])
	if !q.Items.set() && course == "" {
		course = s.courseOf(account)
	}
	if !q.Items.set() {
		return s.whether(s.members[course+"/"+account] > 0, [2]string{course, account})
	}
	items := []any{}
	for key := range s.members {
		of, who, _ := strings.Cut(key, "/")
		if (course != "" && of != course) || (account != "" && who != account) {
			continue
		}
		item, ok := s.membership(q.Is, "item", [2]string{of, who}, true)
		if !ok {
			s.problems["no answer can be made for "+q.Is.text] = true
			continue
		}
		items = append(items, item)
	}
	return s.with(http.StatusOK, fill{q.Items, items})
}

// courseOf returns a course of an account, or "".
func (s *StandIn) courseOf(account string) string {
	for _, key := range slices.Sorted(maps.Keys(s.members)) {
		if course, who, _ := strings.Cut(key, "/"); who == account {
			return course
		}
	}
	return ""
}

// whether answers that an account is in a course, or not: by the body if the file reads the body, and
// by the status otherwise.
func (s *StandIn) whether(in bool, of [2]string) made {
	is := s.engine.file.Enrolled.Is
	if body, ok := s.membership(is, "answer", of, in); ok {
		return made{status: http.StatusOK, body: body}
	}
	for _, status := range []int{http.StatusOK, http.StatusNotFound} {
		vars := enrolledVars(of)
		vars["answer"] = map[string]any{"status": int64(status), "header": map[string]any{}, "body": map[string]any{}}
		if yes, err := s.engine.scope(vars).is(is); err == nil && yes == in {
			return made{status: status, body: map[string]any{}}
		}
	}
	s.problems["no answer can be made for "+is.text] = true
	return made{status: http.StatusOK, body: map[string]any{}}
}

// read answers the call before a change, so that skip holds if the change is made already.
func (s *StandIn) read(r route, found map[string]string) made {
	enrolled := s.members[memberKey(found)] > 0
	want := enrolled == (r.ofOperation(s.engine.file) == "enroll")
	var full any
	r.of.readers(func(e Expr) {
		all := chainsOf(e, "read")
		for i, c := range all { // the longest first
			if !slices.ContainsFunc(all[:i], func(longer []step) bool { return slices.Equal(longer[:len(c)], c) }) {
				full = assign(full, c[1:], int64(7))
			}
		}
	})
	for _, body := range []any{full, map[string]any{}, []any{}, emptied(copyOf(full))} {
		skip, err := s.engine.scope(map[string]any{"read": body, "account": map[string]any{"id": found["account.id"]}, "course": map[string]any{"id": found["course.id"]}}).is(r.of.Skip)
		if err == nil && (!r.of.Skip.set() || skip == want) {
			return made{status: http.StatusOK, body: body}
		}
	}
	s.problems["no answer can be made for the call read of "+r.ofOperation(s.engine.file)] = true
	return made{status: http.StatusOK, body: full}
}

// ofOperation returns the operation of a call before or behind a change.
func (r route) ofOperation(f *File) string {
	for _, o := range f.operations() {
		for i := range *o.calls {
			if &(*o.calls)[i] == r.of {
				return o.name
			}
		}
	}
	return ""
}
