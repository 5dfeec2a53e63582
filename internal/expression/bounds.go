package expression

import (
	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// unbounded returns the name of a function in an expression that may make one text much longer
// than the input, or "". CEL counts the cost of a call after the call, too late for such a
// text.
func unbounded(ast *cel.Ast) (name string) {
	celast.PostOrderVisit(ast.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.CallKind {
			return
		}
		call := e.AsCall()
		switch f := call.FunctionName(); {
		case f == "join", f == "format", f == "replace" && !shortens(call.Args()):
			name = f
		}
	}))
	return name
}

// shortens reports whether the arguments of replace are constants that never make a text longer.
func shortens(args []celast.Expr) bool {
	old, ok := constant(args[0])
	replacement, constantToo := constant(args[1])
	return ok && constantToo && old != "" && len(replacement) <= len(old)
}

// constant returns the text of a constant.
func constant(e celast.Expr) (text string, ok bool) {
	if e.Kind() != celast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}
