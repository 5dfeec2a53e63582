package httpapi

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/usherhq/usher/internal/expression"
)

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
		line := e.line
		if at, ok := errors.AsType[*expression.Error](err); ok && e.block {
			line, at.Line = line+at.Line-1, 1
		}
		c.fault(line, key, err.Error(), "write CEL, such as user.email; a text needs quotes of its own: '\"learner\"'")
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
