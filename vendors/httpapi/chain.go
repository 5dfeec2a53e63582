package httpapi

import (
	"errors"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// step is one member of a chain such as answer.body.?users[0].
type step struct {
	name     string
	index    int // if name is empty
	optional bool
}

// chain returns the steps of an expression that only selects members, the variable first; nil for
// another expression.
func chain(e ast.Expr) []step { return chainBy(e, false) }

// chainBy also takes list(a)[0] for a[0] if loose.
func chainBy(e ast.Expr, loose bool) []step {
	switch e.Kind() {
	case ast.IdentKind:
		return []step{{name: e.AsIdent()}}
	case ast.SelectKind:
		s := e.AsSelect()
		before := chainBy(s.Operand(), loose)
		if before == nil || s.IsTestOnly() {
			return nil
		}
		return append(before, step{name: s.FieldName()})
	case ast.CallKind:
		return chainOfCall(e.AsCall(), loose)
	default:
		return nil
	}
}

// chainOfCall returns the steps of a.?b and a["b"] and a[0].
func chainOfCall(c ast.CallExpr, loose bool) []step {
	name := c.FunctionName()
	if loose && name == functionList {
		return chainBy(c.Args()[0], loose)
	}
	if (name != operators.OptSelect && name != operators.Index) || len(c.Args()) != 2 || c.Args()[1].Kind() != ast.LiteralKind {
		return nil
	}
	before := chainBy(c.Args()[0], loose)
	if before == nil {
		return nil
	}
	switch v := c.Args()[1].AsLiteral().(type) {
	case types.String:
		return append(before, step{name: string(v), optional: name == operators.OptSelect})
	case types.Int:
		return append(before, step{index: int(v)})
	}
	return nil
}

var errMissing = errors.New("a member is missing or has another type; write .? before a name that may be missing")

// walk returns the value of a chain. After an optional step, a missing member is no error.
func walk(vars map[string]any, path []step) (any, error) {
	value, ok := vars[path[0].name]
	optional := false
	for _, s := range path[1:] {
		optional = optional || s.optional
		switch inner := value.(type) {
		case map[string]any:
			value, ok = inner[s.name]
			ok = ok && s.name != ""
		case []any:
			if ok = s.name == "" && s.index >= 0 && s.index < len(inner); ok {
				value = inner[s.index]
			}
		default:
			ok = false
		}
		if !ok && optional {
			return nil, nil
		}
		if !ok {
			return nil, errMissing
		}
	}
	if !ok {
		return nil, errMissing
	}
	return value, nil
}
