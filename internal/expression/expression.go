// Package expression compiles the expressions of the configuration: CEL (Common Expression
// Language) with bounded size and cost. Expressions have no side effects.
package expression

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

// MaxCost bounds the evaluation of an expression in cost units of CEL: enough for a list of ten
// thousand elements, at six to ten units each.
const MaxCost = 100_000

// maxTime bounds the evaluation of an expression, checked every checkEvery steps of loops.
const (
	maxTime    = time.Second
	checkEvery = 100
)

// maxSize bounds the length of an expression in characters. The cost is checked between the steps
// of loops; maxSize bounds the rest.
const maxSize = 2000

// NewEnv returns the language: CEL with the standard library, optionals, functions of strings such
// as split, lowerAscii and replace, and more options, such as variables.
func NewEnv(more ...cel.EnvOption) (*cel.Env, error) {
	return cel.NewEnv(append([]cel.EnvOption{
		cel.OptionalTypes(), ext.Strings(), cel.ParserExpressionSizeLimit(maxSize),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
	}, more...)...)
}

// Program is a compiled expression. A Program is safe for concurrent use.
type Program struct {
	AST     *cel.Ast
	program cel.Program
	loops   bool // whether the expression has a loop: only loops are interrupted
}

// Compile compiles an expression, with more options of the program, such as costs of functions. The
// error is a *Error if the place is known.
func Compile(env *cel.Env, text string, more ...cel.ProgramOption) (*Program, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, firstProblem(issues)
	}
	if !constantPatterns(ast) {
		return nil, errors.New("matches needs a constant text as the regular expression: a payload could otherwise choose one")
	}
	if name := unbounded(ast); name != "" {
		return nil, errors.New(name + " may make a text of any length: use + for a join, and replace only by a constant text that is not longer")
	}
	program, err := env.Program(ast, append(more, cel.CostLimit(MaxCost), cel.InterruptCheckFrequency(checkEvery), cel.CustomDecoratorV2(boundTexts))...)
	if err != nil {
		return nil, err
	}
	return &Program{ast, program, hasLoop(ast)}, nil
}

// hasLoop reports whether an expression has a loop, such as exists.
func hasLoop(ast *cel.Ast) (found bool) {
	celast.PostOrderVisit(ast.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		found = found || e.Kind() == celast.ComprehensionKind
	}))
	return found
}

// ErrLimit is returned for an evaluation over the limit of cost.
var ErrLimit = errors.New("takes too long for this payload: use shorter lists, and no list inside another")

// Eval evaluates the expression. An error has no message of CEL, which may contain values of the
// input.
func (p *Program) Eval(in map[string]any) (any, error) {
	left := uint64(MaxCost)
	return p.EvalWithin(in, &left)
}

// EvalWithin evaluates the expression, and subtracts from left the cost of the evaluation and of
// the value. At zero the expression is not evaluated.
func (p *Program) EvalWithin(in map[string]any, left *uint64) (any, error) {
	if *left == 0 {
		return nil, ErrLimit
	}
	out, details, err := p.run(in)
	cost := uint64(MaxCost)
	if details != nil && details.ActualCost() != nil {
		cost = *details.ActualCost()
	}
	*left -= min(*left, cost)
	if _, ok := errors.AsType[interpreter.EvalCancelledError](err); ok || errors.Is(err, errLongText) || errors.Is(err, context.DeadlineExceeded) {
		return nil, ErrLimit
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be evaluated%s: a member is missing or has another type; write .? before a name that may be missing", p.place(err))
	}
	room := maxValue
	value, err := plain(out, &room)
	*left -= min(*left, uint64(maxValue-max(room, 0))/bytesPerUnit)
	return value, err
}

// run evaluates the program. Without a loop there is nothing to interrupt, and no timer.
func (p *Program) run(in map[string]any) (ref.Val, *cel.EvalDetails, error) {
	if !p.loops {
		return p.program.Eval(in)
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxTime)
	defer cancel()
	return p.program.ContextEval(ctx, in)
}

// bytesPerUnit is the size of a value that costs one unit.
const bytesPerUnit = 10

// Uses reports whether the expression uses a variable.
func (p *Program) Uses(variable string) (uses bool) {
	celast.PostOrderVisit(p.AST.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		uses = uses || e.Kind() == celast.IdentKind && e.AsIdent() == variable
	}))
	return uses
}

// place returns the position of an error in the expression, if known.
func (p *Program) place(err error) string {
	at, ok := errors.AsType[*types.Err](err)
	if !ok || at.NodeID() == 0 {
		return ""
	}
	location := p.AST.NativeRep().SourceInfo().GetStartLocation(at.NodeID())
	return fmt.Sprintf(" at column %d", location.Column()+1)
}
