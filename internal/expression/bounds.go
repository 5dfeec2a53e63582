package expression

import (
	"errors"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
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

// constantPatterns reports whether every regular expression is a constant text.
func constantPatterns(ast *cel.Ast) bool {
	all := true
	celast.PostOrderVisit(ast.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.CallKind || e.AsCall().FunctionName() != overloads.Matches {
			return
		}
		args := e.AsCall().Args()
		if _, ok := constant(args[len(args)-1]); !ok {
			all = false
		}
	}))
	return all
}

// maxMatched bounds the text for a regular expression in bytes: nothing interrupts a match, and a
// megabyte took seven seconds.
const maxMatched = 16 << 10

var errLongText = errors.New("the text is too long for matches")

// maxText bounds a text put together, in bytes: more fits into no event, and a text of a megabyte
// added a hundred times took fourteen seconds.
const maxText = 1 << 20

// boundTexts lets matches and + fail for longer texts.
func boundTexts(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	switch {
	case ok && call.Function() == overloads.Matches:
		return boundedMatch{call}, nil
	case ok && call.Function() == operators.Add:
		return boundedSum{call}, nil
	}
	return i, nil
}

// boundedSum is a call of +.
type boundedSum struct{ interpreter.InterpretableCall }

// Exec returns the sum, or an error for a longer text.
func (s boundedSum) Exec(in *interpreter.ExecutionFrame) ref.Val {
	sum := s.InterpretableCall.Exec(in)
	if text, ok := sum.(types.String); ok && len(text) > maxText {
		return types.WrapErr(errLongText)
	}
	return sum
}

// boundedMatch is a call of matches.
type boundedMatch struct{ interpreter.InterpretableCall }

// Exec checks the text, and calls matches.
func (m boundedMatch) Exec(in *interpreter.ExecutionFrame) ref.Val {
	if text, ok := m.Args()[0].Exec(in).(types.String); ok && len(text) > maxMatched {
		return types.WrapErr(errLongText)
	}
	return m.InterpretableCall.Exec(in)
}
