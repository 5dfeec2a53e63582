package httpapi

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
)

// simple evaluates an expression without CEL, at a tenth of the cost: comparisons of members with
// constants, such as most rules for answers. ok is false if CEL must decide, such as for a missing
// member or another type.
type simple func(vars map[string]any) (value any, ok bool)

// simpleOf returns the evaluation of an expression without CEL; nil for most expressions.
func simpleOf(e ast.Expr) simple {
	if path := chain(e); path != nil {
		return simpleChain(path)
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return simpleLiteral(e.AsLiteral().Value())
	case ast.SelectKind: // has(): chain takes the others
		return simpleHas(chain(e.AsSelect().Operand()), e.AsSelect().FieldName())
	case ast.CallKind:
		return simpleCall(e.AsCall())
	}
	return nil
}

func simpleLiteral(value any) simple {
	switch value.(type) {
	case string, int64, bool:
		return func(map[string]any) (any, bool) { return value, true }
	}
	return nil
}

// simpleChain returns nil for a chain with an optional step, whose value CEL wraps.
func simpleChain(path []step) simple {
	if path == nil || slices.ContainsFunc(path, func(s step) bool { return s.optional }) {
		return nil
	}
	return func(vars map[string]any) (any, bool) {
		value, err := walk(vars, path)
		return value, err == nil
	}
}

func simpleHas(path []step, name string) simple {
	operand := simpleChain(path)
	if operand == nil {
		return nil
	}
	return func(vars map[string]any) (any, bool) {
		value, ok := operand(vars)
		members, isObject := value.(map[string]any)
		_, has := members[name]
		return has, ok && isObject
	}
}

func simpleCall(c ast.CallExpr) simple {
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	parts := make([]simple, len(args))
	for i, arg := range args {
		if parts[i] = simpleOf(arg); parts[i] == nil {
			return nil
		}
	}
	name := c.FunctionName()
	pair, isPair := pairs[name]
	single, isSingle := singles[name]
	switch {
	case name == operators.LogicalAnd || name == operators.LogicalOr:
		return simpleJunction(parts[0], parts[1], name == operators.LogicalOr)
	case isPair && len(parts) == 2:
		return func(vars map[string]any) (any, bool) {
			a, ok := parts[0](vars)
			b, okToo := parts[1](vars)
			if !ok || !okToo {
				return nil, false
			}
			return pair(a, b)
		}
	case isSingle && len(parts) == 1:
		return func(vars map[string]any) (any, bool) {
			a, ok := parts[0](vars)
			if !ok {
				return nil, false
			}
			return single(a)
		}
	}
	return nil
}

// simpleJunction returns a || b if end is true, and a && b otherwise.
func simpleJunction(a, b simple, end bool) simple {
	return func(vars map[string]any) (any, bool) {
		value, ok := a(vars)
		if ok && value == any(!end) {
			value, ok = b(vars)
		}
		_, isBool := value.(bool)
		return value, ok && isBool
	}
}

// pairs has the functions of two values, singles those of one. ok is false for other types than
// those of the function, such as 1 == 1.0.
var (
	pairs = map[string]func(a, b any) (value any, ok bool){
		operators.Equals:        func(a, b any) (any, bool) { same := sameScalars(a, b); return same && a == b, same },
		operators.NotEquals:     func(a, b any) (any, bool) { same := sameScalars(a, b); return same && a != b, same },
		operators.Less:          ordered(func(a, b int64) bool { return a < b }),
		operators.LessEquals:    ordered(func(a, b int64) bool { return a <= b }),
		operators.Greater:       ordered(func(a, b int64) bool { return a > b }),
		operators.GreaterEquals: ordered(func(a, b int64) bool { return a >= b }),
		overloads.Contains: func(a, b any) (any, bool) {
			text, ok := a.(string)
			part, okToo := b.(string)
			return strings.Contains(text, part), ok && okToo
		},
	}
	singles = map[string]func(a any) (value any, ok bool){
		operators.LogicalNot: func(a any) (any, bool) {
			yes, ok := a.(bool)
			return !yes, ok
		},
		functionNumber: func(a any) (any, bool) {
			n, ok := wholeOf(a)
			return int64(n), ok
		},
	}
)

// ordered returns a comparison of whole numbers.
func ordered(holds func(a, b int64) bool) func(a, b any) (any, bool) {
	return func(a, b any) (any, bool) {
		x, ok := a.(int64)
		y, okToo := b.(int64)
		return holds(x, y), ok && okToo
	}
}

// sameScalars reports whether two values are two texts, two whole numbers, or two truths.
func sameScalars(a, b any) bool {
	switch a.(type) {
	case string:
		_, ok := b.(string)
		return ok
	case int64:
		_, ok := b.(int64)
		return ok
	case bool:
		_, ok := b.(bool)
		return ok
	}
	return false
}
