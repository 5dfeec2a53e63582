package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

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
		c := chainBy(n, true)
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
	out = append(out, true, false, int64(0), int64(1), "", "other")
	for _, one := range slices.Clone(out) {
		out = append(out, []any{one}) // for in, and exists
	}
	return append(out, []any{})
}

// enrolledVars returns the variables of enrolled.is for a course and an account.
func enrolledVars(of [2]string) map[string]any {
	return map[string]any{"course": map[string]any{"id": of[0], "ours": of[0]}, "account": map[string]any{"id": of[1]}, "user": map[string]any{}}
}

// membership returns an item, or the body of an answer, for which an expression about an enrolment is
// as wanted.
func (s *StandIn) membership(is Expr, variable string, of [2]string, want bool) (any, bool) {
	vars := enrolledVars(of)
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
