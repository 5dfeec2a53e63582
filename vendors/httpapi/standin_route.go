package httpapi

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
)

// route is a call of a file, as a stand-in recognizes it.
type route struct {
	op   string // find, create, update …, read, proof
	call *Request
	item Expr    // of the answer
	find *Find   // of a look-up
	of   *Change // of read and proof
	path *regexp.Regexp
}

// routesOf returns the calls of a file.
func routesOf(f *File) (all []route) {
	add := func(r route) {
		method, p := r.call.call()
		if method == "" {
			return
		}
		var b strings.Builder
		for _, one := range p.parts {
			if one.value.set() {
				b.WriteString("([^/]+)")
			} else {
				b.WriteString(regexp.QuoteMeta(one.text))
			}
		}
		r.path = regexp.MustCompile("^" + strings.TrimRight(b.String(), "/") + "$") // as readSent does
		all = append(all, r)
	}
	if f.Auth != nil && f.Auth.Login != nil {
		add(route{op: "login", call: &f.Auth.Login.Request})
		if f.Auth.Login.Renew != nil {
			add(route{op: "login", call: f.Auth.Login.Renew})
		}
	}
	if f.Create != nil {
		add(route{op: "create", call: &f.Create.Request, item: f.Create.Item})
	}
	if f.Show != nil {
		add(route{op: "show", call: &f.Show.Request, item: f.Show.Item})
	}
	for i := range f.Find {
		add(route{op: "find", call: &f.Find[i].Request, find: &f.Find[i], item: f.Find[i].Item})
	}
	if f.List != nil {
		add(route{op: "list", call: &f.List.Request})
	}
	if f.Courses != nil {
		add(route{op: "courses", call: &f.Courses.Request})
	}
	if f.Enrolled != nil {
		add(route{op: "enrolled", call: &f.Enrolled.Request})
	}
	f.changeRoutes(add)
	if f.Check != nil {
		add(route{op: "check", call: f.Check})
	}
	return all
}

// label returns the operation and the call.
func (r route) label() string {
	method, p := r.call.call()
	return r.op + ": " + method + " " + p.text
}

// changeRoutes adds the calls of operations that change something.
func (f *File) changeRoutes(add func(route)) {
	for _, o := range f.operations() {
		for i := range *o.calls {
			c := &(*o.calls)[i]
			add(route{op: o.name, call: &c.Request, of: c})
			if c.Read != nil {
				add(route{op: "read", call: &c.Read.Request, of: c})
			}
			if c.Proof != nil {
				add(route{op: "proof", call: &c.Proof.Request, of: c})
			}
		}
	}
	if f.Track != nil {
		add(route{op: "track", call: &f.Track.Request, of: f.Track})
	}
}

// bestRoute returns the call of the file that a request is most like.
func bestRoute(routes []route, x sent) (best route, known bool) {
	most := -1
	for _, r := range routes {
		if score := r.score(x); score > most {
			best, most, known = r, score, true
		}
	}
	return best, known
}

// score returns how well a request fits a call; -1 if it does not.
func (r route) score(x sent) int {
	method, p := r.call.call()
	if method != x.method || !r.path.MatchString(x.path) {
		return -1
	}
	score := 100
	for _, one := range p.parts {
		score += 4 * len(one.text) // a path with more constant text is nearer
	}
	r.leaves(func(where leaf) {
		value, there := where.of(x)
		constant, isConstant := where.constant()
		switch {
		case isConstant && there && value != constant:
			score = -10_000
		case isConstant && there:
			score += 3
		case there:
			score += 2
		default:
			score--
		}
	})
	if score < 0 {
		return -1
	}
	return score
}

// leaf is a place of a request with a value of the file.
type leaf struct {
	part string // query, form or json
	path []string
	v    Value
}

// leaves calls f with each value of the query, the form and the body of a call.
func (r route) leaves(f func(leaf)) {
	for name, v := range r.call.Query {
		walkValue(leaf{"query", []string{name}, v}, f)
	}
	for name, v := range r.call.Form {
		walkValue(leaf{"form", []string{name}, v}, f)
	}
	if r.call.JSON != nil {
		walkValue(leaf{"json", nil, *r.call.JSON}, f)
	}
}

func walkValue(l leaf, f func(leaf)) {
	for name, v := range l.v.members {
		walkValue(leaf{l.part, append(append([]string{}, l.path...), name), v}, f)
	}
	for i, v := range l.v.list {
		walkValue(leaf{l.part, append(append([]string{}, l.path...), strconv.Itoa(i)), v}, f)
	}
	if l.v.members == nil && l.v.list == nil {
		f(l)
	}
}

// of returns the value of the leaf in a request.
func (l leaf) of(x sent) (text string, there bool) {
	if l.part == "json" {
		value := x.body
		for _, name := range l.path {
			switch inner := value.(type) {
			case map[string]any:
				value = inner[name]
			case []any:
				n, err := strconv.Atoi(name)
				if err != nil || n >= len(inner) {
					return "", false
				}
				value = inner[n]
			default:
				return "", false
			}
		}
		text, ok := textOf(value)
		return text, ok && value != nil
	}
	name := l.path[0]
	for _, more := range l.path[1:] {
		if !strings.HasSuffix(name, "[]") {
			name += "[" + more + "]"
		}
	}
	values := map[string]url.Values{"query": x.query, "form": x.form}[l.part]
	return values.Get(name), values.Has(name)
}

// constant returns the constant of the leaf.
func (l leaf) constant() (text string, ok bool) {
	if l.v.literal != nil {
		return textOf(l.v.literal)
	}
	if l.v.expr.program == nil {
		return "", false
	}
	e := l.v.expr.program.AST.NativeRep().Expr()
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	return fmt.Sprint(e.AsLiteral().Value()), true
}

// extract returns the values of members such as user.email in a request.
func (r route) extract(x sent) map[string]string {
	found := map[string]string{}
	note := func(e Expr, value string) {
		if len(e.path) == 2 && e.path[0].name != "set" {
			found[e.path[0].name+"."+e.path[1].name] = value
			return
		}
		for _, m := range selected(e) {
			if m.variable != "set" && found[m.variable+"."+m.name] == "" {
				found[m.variable+"."+m.name] = value
			}
		}
	}
	_, p := r.call.call()
	groups, n := r.path.FindStringSubmatch(x.path), 0
	for _, one := range p.parts {
		if !one.value.set() {
			continue
		}
		n++
		if value, err := url.PathUnescape(groups[n]); err == nil {
			note(one.value, value)
		}
	}
	r.leaves(func(l leaf) {
		if value, there := l.of(x); there {
			note(l.v.expr, value)
		}
	})
	return found
}
