package httpapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/usherhq/usher/internal/expression"
)

// compiler compiles the expressions of a file, and reports faults.
type compiler struct {
	*reader
	env  *cel.Env
	file *File
}

// The variables of each place, besides set.
var (
	ofUser     = []string{"user"}
	ofAnswer   = []string{"answer"}
	ofItem     = []string{"item"}
	ofCreation = []string{"user", "origin"}
	ofChange   = []string{"user", "account", "origin", "read"}
	ofRemoval  = []string{"account", "origin", "read"}
	ofCourse   = []string{"user", "account", "course", "enrollment", "origin", "read"}
	ofActivity = []string{"user", "activity", "origin", "read"}
)

// compile compiles all expressions of the file.
func (c compiler) compile() {
	f := c.file
	c.auth()
	if f.Each != nil {
		c.exprs("each.header", f.Each.Header, nil)
		c.query("each.query", f.Each.Query, nil)
		c.values("each.form", f.Each.Form, nil)
	}
	c.rules("answers", f.Answers, ofAnswer)
	if a := f.Account; a != nil {
		for key, e := range map[string]*Expr{"id": &a.ID, "email": &a.Email, "user_id": &a.UserID, "staff": &a.Staff, "off": &a.Off, "deleted": &a.Deleted} {
			c.expr("account."+key, e, ofItem)
		}
	}
	for i := range f.Find {
		c.find(fmt.Sprintf("find[%d]", i), &f.Find[i])
	}
	if f.Create != nil {
		c.request("create", &f.Create.Request, ofCreation)
		c.expr("create.item", &f.Create.Item, ofAnswer)
	}
	for _, o := range f.operations() {
		for i := range *o.calls {
			c.change(keyOf(o.name, i, len(*o.calls)), &(*o.calls)[i], o.vars)
		}
	}
	if f.Track != nil {
		c.change("track", f.Track, ofActivity)
	}
	c.reads()
}

// operation is a list of calls that change something.
type operation struct {
	name  string
	calls *Changes
	vars  []string
}

// operations returns the operations of accounts and enrolments.
func (f *File) operations() []operation {
	return []operation{
		{"update", &f.Update, ofChange},
		{"restore", &f.Restore, ofChange},
		{"delete", &f.Delete, ofRemoval},
		{"disable", &f.Disable, ofRemoval},
		{"enable", &f.Enable, ofRemoval},
		{"enroll", &f.Enroll, ofCourse},
		{"unenroll", &f.Unenroll, ofCourse},
	}
}

// keyOf returns the key of a call of an operation.
func keyOf(name string, i, of int) string {
	if of == 1 {
		return name
	}
	return fmt.Sprintf("%s[%d]", name, i)
}

// reads compiles the calls that read.
func (c compiler) reads() {
	f := c.file
	if e := f.Enrolled; e != nil {
		vars := []string{"account", "course", "user"}
		c.request("enrolled", &e.Request, vars)
		c.pages("enrolled", &e.Items, &e.Total, e.Pages)
		c.expr("enrolled.is", &e.Is, append(slices.Clone(vars), "answer", "item"))
	}
	if f.List != nil {
		c.request("list", &f.List.Request, pageVars(f.List.Pages, nil))
		c.pages("list", &f.List.Items, &f.List.Total, f.List.Pages)
	}
	if f.Show != nil {
		c.request("show", &f.Show.Request, []string{"account"})
		c.expr("show.item", &f.Show.Item, ofAnswer)
	}
	if l := f.Courses; l != nil {
		c.request("courses", &l.Request, pageVars(l.Pages, nil))
		c.pages("courses", &l.Items, &l.Total, l.Pages)
		c.expr("courses.id", &l.ID, ofItem)
		c.expr("courses.name", &l.Name, ofItem)
	}
	if f.Check != nil {
		c.request("check", f.Check, nil)
	}
}

func (c compiler) auth() {
	a := c.file.Auth
	if a == nil {
		return
	}
	c.exprs("auth.headers", a.Headers, nil)
	if a.Basic != nil {
		c.expr("auth.basic.user", &a.Basic.User, nil)
		c.expr("auth.basic.password", &a.Basic.Password, nil)
	}
	if l := a.Login; l != nil {
		c.request("auth.login", &l.Request, nil)
		c.expr("auth.login.token", &l.Token, ofAnswer)
		c.expr("auth.login.expires_in", &l.ExpiresIn, ofAnswer)
		if l.Renew != nil {
			c.request("auth.login.renew", l.Renew, []string{"token"})
		}
	}
	if o := a.OAuth2; o != nil {
		for key, e := range map[string]*Expr{"token_url": &o.TokenURL, "client_id": &o.ClientID, "client_secret": &o.ClientSecret, "scopes": &o.Scopes} {
			c.expr("auth.oauth2."+key, e, nil)
		}
	}
}

func (c compiler) find(key string, f *Find) {
	c.request(key, &f.Request, pageVars(f.Pages, ofUser))
	c.expr(key+".item", &f.Item, ofAnswer)
	c.pages(key, &f.Items, &f.Total, f.Pages)
	c.expr(key+".control", &f.Control, nil)
}

// pageVars returns the variables of a call with pages.
func pageVars(p *Pages, vars []string) []string {
	if p == nil {
		return vars
	}
	return append(slices.Clone(vars), "page")
}

func (c compiler) pages(key string, items, total *Expr, p *Pages) {
	c.expr(key+".items", items, ofAnswer)
	c.expr(key+".total", total, ofAnswer)
	if p != nil {
		c.expr(key+".pages.last", &p.Last, ofAnswer)
		c.expr(key+".pages.next", &p.Next, ofAnswer)
	}
}

func (c compiler) change(key string, ch *Change, vars []string) {
	before := slices.DeleteFunc(slices.Clone(vars), func(name string) bool { return name == "read" })
	c.expr(key+".if", &ch.If, before)
	if ch.Read != nil {
		c.request(key+".read", &ch.Read.Request, before)
	} else {
		vars = before
	}
	c.expr(key+".skip", &ch.Skip, vars)
	c.request(key, &ch.Request, vars)
	if ch.Proof != nil {
		c.request(key+".proof", &ch.Proof.Request, before)
		c.expr(key+".proof.is", &ch.Proof.Is, append(slices.Clone(before), "answer"))
	}
}

// request compiles one call.
func (c compiler) request(key string, r *Request, vars []string) {
	for name, p := range r.methods() {
		if !p.set() {
			continue
		}
		for i := range p.parts {
			if p.parts[i].value.set() {
				c.expr(join(key, name), &p.parts[i].value, vars)
				c.public(join(key, name), p.parts[i].value)
			}
		}
	}
	c.query(key+".query", r.Query, vars)
	c.exprs(key+".header", r.Header, vars)
	if r.JSON != nil {
		c.value(key+".json", r.JSON, vars)
	}
	c.values(key+".form", r.Form, vars)
	after := append(slices.Clone(vars), "answer")
	c.rules(key+".answers", r.Answers, after)
	c.expr(key+".done", &r.Done, after)
}

// query compiles a query string, which has no secrets.
func (c compiler) query(key string, m map[string]Value, vars []string) {
	c.values(key, m, vars)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		m[name].each(func(e Expr) { c.public(join(key, name), e) })
	}
}

func (c compiler) rules(key string, rules []Rule, vars []string) {
	for i := range rules {
		c.expr(fmt.Sprintf("%s[%d].if", key, i), &rules[i].If, vars)
	}
}

func (c compiler) exprs(key string, m map[string]Expr, vars []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		e := m[name]
		c.expr(join(key, name), &e, vars)
		m[name] = e
	}
}

func (c compiler) values(key string, m map[string]Value, vars []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		v := m[name]
		c.value(join(key, name), &v, vars)
		m[name] = v
	}
}

func (c compiler) value(key string, v *Value, vars []string) {
	c.values(key, v.members, vars)
	for i := range v.list {
		c.value(fmt.Sprintf("%s.%d", key, i), &v.list[i], vars)
	}
	c.expr(key, &v.expr, vars)
}

// each calls f with each expression of a value.
func (v Value) each(f func(Expr)) {
	for _, one := range v.members {
		one.each(f)
	}
	for _, one := range v.list {
		one.each(f)
	}
	if v.expr.set() {
		f(v.expr)
	}
}

// public reports a secret in a path or a query.
func (c compiler) public(key string, e Expr) {
	for _, name := range settingsOf(e) {
		if s := c.file.Settings[name]; s.Secret && !s.InPath {
			c.fault(e.line, key, "has the secret set."+name+", which would stand in the logs of every proxy", "send it in a header or a body; only if the API wants it here, set in_path: true at the setting")
		}
	}
}

// expr compiles an expression that may use some variables.
func (c compiler) expr(key string, e *Expr, vars []string) {
	if !e.set() {
		return
	}
	program, err := expression.Compile(c.env, e.text)
	if err != nil {
		c.fault(e.line, key, err.Error(), "write CEL, such as user.email; a text needs quotes of its own: '\"learner\"'")
		return
	}
	root := program.AST.NativeRep().Expr()
	e.program, e.path, e.simple = program, chain(root), simpleOf(root)
	for _, n := range ast.MatchDescendants(ast.NavigateAST(program.AST.NativeRep()), ast.KindMatcher(ast.IdentKind)) {
		name := n.AsIdent()
		if _, variable := known[name]; variable && name != "set" && !slices.Contains(vars, name) {
			c.fault(e.line, key, "has the variable "+name+", which is not known here", "use one of: "+strings.Join(append([]string{"set"}, vars...), ", "))
			return
		}
	}
	c.members(key, *e)
}

// members reports members that a variable never has.
func (c compiler) members(key string, e Expr) {
	whole := len(ast.MatchDescendants(ast.NavigateAST(e.program.AST.NativeRep()), func(n ast.NavigableExpr) bool { return n.Kind() == ast.IdentKind && n.AsIdent() == "set" }))
	for _, m := range selected(e) {
		if m.variable == "set" {
			whole--
		}
	}
	if whole > 0 {
		c.fault(e.line, key, "uses all settings at once", "name each: set.<name>")
	}
	for _, m := range selected(e) {
		names := known[m.variable]
		if m.variable == "set" {
			names = slices.Sorted(maps.Keys(c.file.Settings))
		}
		if names == nil && m.variable != "set" || slices.Contains(names, m.name) {
			continue
		}
		fix := withNearest(m.name, names)
		if m.variable == "set" {
			fix += "; or add it under settings"
		}
		c.fault(e.line, key, "has the unknown member "+m.variable+"."+m.name, fix)
	}
}

// member is a member of a variable in an expression.
type member struct{ variable, name string }

// selected returns the members of variables in an expression.
func selected(e Expr) (all []member) {
	if e.program == nil {
		return nil
	}
	for _, n := range ast.MatchDescendants(ast.NavigateAST(e.program.AST.NativeRep()), ast.AllMatcher()) {
		switch n.Kind() {
		case ast.SelectKind:
			if s := n.AsSelect(); s.Operand().Kind() == ast.IdentKind {
				all = append(all, member{s.Operand().AsIdent(), s.FieldName()})
			}
		case ast.CallKind:
			call := n.AsCall()
			if (call.FunctionName() != operators.OptSelect && call.FunctionName() != operators.Index) || len(call.Args()) != 2 || call.Args()[0].Kind() != ast.IdentKind || call.Args()[1].Kind() != ast.LiteralKind {
				continue
			}
			if name, ok := call.Args()[1].AsLiteral().Value().(string); ok {
				all = append(all, member{call.Args()[0].AsIdent(), name})
			}
		}
	}
	return all
}

// settingsOf returns the settings in an expression. The whole map set counts as all of them.
func settingsOf(e Expr) (names []string) {
	for _, m := range selected(e) {
		if m.variable == "set" {
			names = append(names, m.name)
		}
	}
	return names
}
