package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"

	"github.com/usherhq/usher/internal/expression"
	"github.com/usherhq/usher/vendors"
)

// fill is a value for a place of an answer, read by an expression.
type fill struct {
	at    Expr
	value any
}

// with returns an answer with values at the places that expressions read.
func (s *StandIn) with(status int, fills ...fill) made {
	m := made{status: status, header: map[string]string{}}
	for _, f := range fills {
		places := f.at.path
		if !f.at.set() {
			places = []step{{name: "answer"}, {name: "body"}}
			if object, ok := f.value.(map[string]any); !ok || len(object) == 0 {
				continue
			}
		}
		if places == nil {
			places = firstChain(f.at, "answer")
		}
		switch {
		case len(places) >= 3 && places[1].name == "header":
			m.header[places[2].name] = fmt.Sprint(f.value)
		case len(places) >= 2 && places[1].name == "body":
			m.body = s.place(m.body, places[2:], f)
		default:
			s.problems["no answer can be made for "+f.at.text] = true
		}
	}
	if m.body == nil {
		m.body = map[string]any{}
	}
	return m
}

// place returns a body with a value, such that the expression reads it: as the value, or as the only
// element of a list.
func (s *StandIn) place(body any, at []step, f fill) any {
	if f.at.path != nil || !f.at.set() {
		return assign(body, at, f.value)
	}
	for _, value := range []any{f.value, []any{f.value}} {
		full := assign(copyOf(body), at, value)
		read, err := s.engine.scope(map[string]any{"answer": map[string]any{"status": int64(http.StatusOK), "header": map[string]any{}, "body": copyOf(full)}}).eval(f.at)
		if err == nil && read != nil {
			return full
		}
	}
	return assign(body, at, f.value)
}

// firstChain returns the first chain of members of a variable in an expression.
func firstChain(e Expr, variable string) []step {
	all := chainsOf(e, variable)
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// chainsOf returns the longest chains of members of a variable in an expression.
func chainsOf(e Expr, variable string) (all [][]step) {
	if e.program == nil {
		return nil
	}
	for _, n := range ast.MatchDescendants(ast.NavigateAST(e.program.AST.NativeRep()), ast.AllMatcher()) {
		c := chain(n)
		if len(c) > 1 && c[0].name == variable {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b []step) int { return cmp.Compare(len(b), len(a)) })
	return all
}

// tail returns the members of a chain behind the variable.
func tail(e Expr) []step {
	if len(e.path) > 1 {
		return e.path[1:]
	}
	if c := firstChain(e, "item"); c != nil {
		return c[1:]
	}
	return nil
}

// assign returns a JSON value with another value at a place.
func assign(root any, at []step, value any) any {
	if len(at) == 0 {
		if members, ok := value.(map[string]any); ok {
			if present, ok := root.(map[string]any); ok {
				maps.Copy(present, members)
				return present
			}
		}
		return value
	}
	if at[0].name == "" {
		list, _ := root.([]any)
		for len(list) <= at[0].index {
			list = append(list, map[string]any{})
		}
		list[at[0].index] = assign(list[at[0].index], at[1:], value)
		return list
	}
	object, ok := root.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[at[0].name] = assign(object[at[0].name], at[1:], value)
	return object
}

// copyOf returns a deep copy of a JSON value.
func copyOf(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	out, err := vendors.ParseJSON(text, 0)
	if err != nil {
		return nil
	}
	return expression.Numbers(out)
}

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
	}{{f.Staff, false}, {f.Deleted, false}, {f.Off, a.off}} {
		object = s.coax(object, one.e, "item", one.want)
	}
	out, _ := object.(map[string]any)
	return out
}

// coax returns a value for which an expression over a variable is as wanted, by other values of the
// members.
func (s *StandIn) coax(value any, e Expr, variable string, want bool) any {
	holds := func(v any) bool {
		yes, err := s.engine.scope(map[string]any{variable: v}).is(e)
		return err == nil && yes == want
	}
	if !e.set() || holds(value) {
		return value
	}
	for _, c := range chainsOf(e, variable) {
		for _, candidate := range candidates(e) {
			if changed := assign(copyOf(value), c[1:], candidate); holds(changed) {
				return changed
			}
		}
	}
	s.problems["no answer can be made for "+e.text] = true
	return value
}

// candidates returns values to make an expression true or false: the constants, and others.
func candidates(e Expr) []any {
	out := []any{}
	for _, n := range ast.MatchDescendants(ast.NavigateAST(e.program.AST.NativeRep()), ast.KindMatcher(ast.LiteralKind)) {
		switch v := n.AsLiteral().Value().(type) {
		case string, int64, bool:
			out = append(out, v)
		}
	}
	return append(out, true, false, int64(0), int64(1), "", "other")
}

// answerAs returns an answer with a meaning in the file; otherwise an answer of a status.
func (s *StandIn) answerAs(r route, verdict string, status int) made {
	for _, m := range s.possible(r, verdict) {
		body, err := json.Marshal(m.body)
		if err != nil {
			continue
		}
		if m.status == http.StatusNoContent {
			body = nil
		}
		header := http.Header{}
		for name, value := range m.header {
			header.Set(name, value)
		}
		q := request{op: r.op, call: r.call, scope: s.engine.scope(map[string]any{"read": nil}), goneBy404: verdict == isGone}
		out := s.engine.judge(q, vendors.Response{Status: m.status, Header: header, Body: body})
		if out.verdict == verdict || verdict == isDone && out.verdict == "" && m.status < 300 && s.engine.readable(out) == nil {
			return m
		}
	}
	if verdict == isAlready {
		return s.success(r)
	}
	return made{status: status, body: map[string]any{"message": "no rule of the file says " + verdict}}
}

// finished returns an answer of success that fulfils done of every call that the request may be.
func (s *StandIn) finished(x sent, m made) made {
	for _, r := range s.routes {
		if r.call.Done.set() && m.status < 300 && m.status != http.StatusNoContent && r.score(x) >= 0 && !s.isDone(r, m) {
			m.body = s.doneBody(r, m)
		}
	}
	return m
}

// doneBody returns the body of an answer with another member, such that done holds.
func (s *StandIn) doneBody(r route, m made) any {
	for _, c := range chainsOf(r.call.Done, "answer") {
		for _, candidate := range candidates(r.call.Done) {
			if len(c) < 3 || c[1].name != "body" {
				continue
			}
			full := m
			if full.body = assign(copyOf(m.body), c[2:], candidate); s.isDone(r, full) {
				return full.body
			}
		}
	}
	return m.body
}

// isDone reports whether the file calls an answer a success.
func (s *StandIn) isDone(r route, m made) bool {
	body, err := json.Marshal(m.body)
	out := s.engine.judge(request{op: r.op, call: r.call, scope: s.engine.scope(map[string]any{"read": nil})}, vendors.Response{Status: m.status, Body: body})
	return err == nil && s.engine.readable(out) == nil
}

// possible returns answers that may have a meaning: by status, and with the members of its rules.
func (s *StandIn) possible(r route, verdict string) (all []made) {
	statuses := []int{http.StatusConflict, http.StatusNotFound, http.StatusGone, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusOK}
	if verdict == isDone {
		statuses = []int{http.StatusOK, http.StatusCreated, http.StatusNoContent}
	}
	for _, status := range statuses {
		all = append(all, made{status: status, body: map[string]any{}})
	}
	conditions := []Expr{r.call.Done}
	for _, rule := range slices.Concat(r.call.Answers, s.engine.file.Answers) {
		if rule.Is == verdict {
			conditions = append(conditions, rule.If)
		}
	}
	for _, e := range conditions {
		if e.program == nil {
			continue
		}
		for _, candidate := range candidates(e) {
			for _, status := range statuses {
				all = append(all, made{status: status, body: map[string]any{"message": candidate}})
				for _, c := range chainsOf(e, "answer") {
					if len(c) > 2 && c[1].name == "body" {
						all = append(all, made{status: status, body: assign(nil, c[2:], candidate)})
					}
				}
			}
		}
	}
	return all
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
	if !q.Items.set() {
		in := s.members[memberKey(found)] > 0
		body, ok := s.membership(q.Is, "answer", [2]string{course, account}, in)
		if !ok {
			s.problems["no answer can be made for "+q.Is.text] = true
		}
		return made{status: http.StatusOK, body: body}
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

// membership returns an item, or the body of an answer, for which an expression about an enrolment is
// as wanted.
func (s *StandIn) membership(is Expr, variable string, of [2]string, want bool) (any, bool) {
	vars := map[string]any{"course": map[string]any{"id": of[0], "ours": of[0]}, "account": map[string]any{"id": of[1]}, "user": map[string]any{}}
	values := []any{of[0], of[1]}
	for _, id := range of {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil {
			values = append(values, n)
		}
	}
	for _, one := range slices.Clone(values) {
		values = append(values, []any{one})
	}
	if !want {
		values = append(values, []any{})
	}
	for _, c := range chainsOf(is, variable) {
		for _, value := range append(values, candidates(is)...) {
			made := assign(nil, c[1:], value)
			sample := made
			if variable == "answer" {
				if len(c) < 3 || c[1].name != "body" {
					continue
				}
				made = assign(nil, c[2:], value)
				sample = map[string]any{"status": int64(http.StatusOK), "header": map[string]any{}, "body": made}
			}
			vars[variable] = sample
			if yes, err := s.engine.scope(maps.Clone(vars)).is(is); err == nil && yes == want {
				return made, true
			}
		}
	}
	return map[string]any{}, false
}

// read answers the call before a change, so that skip holds if the change is made already.
func (s *StandIn) read(r route, found map[string]string) made {
	enrolled := s.members[memberKey(found)] > 0
	want := enrolled == (r.ofOperation(s.engine.file) == "enroll")
	var full any
	r.of.readers(func(e Expr) {
		for _, c := range chainsOf(e, "read") {
			full = assign(full, c[1:], int64(7))
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

// readers calls f with the expressions of a change that may have the variable read.
func (c *Change) readers(f func(Expr)) {
	f(c.Skip)
	_, p := c.call()
	for _, one := range p.parts {
		f(one.value)
	}
	for _, v := range c.Query {
		v.each(f)
	}
	for _, v := range c.Form {
		v.each(f)
	}
	if c.JSON != nil {
		c.JSON.each(f)
	}
}

// emptied returns a JSON value with empty lists.
func emptied(value any) any {
	switch v := value.(type) {
	case []any:
		return []any{}
	case map[string]any:
		for name := range v {
			v[name] = emptied(v[name])
		}
	}
	return value
}
