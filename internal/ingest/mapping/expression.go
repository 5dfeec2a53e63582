package mapping

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

// maxCost bounds the evaluation of an expression over one payload, in cost units of CEL: enough
// for a list of ten thousand elements, at six to ten units each.
const maxCost = 100_000

// maxExpression bounds the length of an expression in characters. The cost is checked between
// the steps of loops; maxExpression bounds the rest.
const maxExpression = 2000

// vars are the variables of expressions.
type vars = map[string]any

// newEnv returns the language: CEL with the standard library, optionals, and functions of
// strings, such as split, lowerAscii and replace.
func newEnv() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("body", cel.DynType),
		cel.Variable("header", cel.MapType(cel.StringType, cel.StringType)),
		cel.OptionalTypes(),
		ext.Strings(),
		cel.ParserExpressionSizeLimit(maxExpression),
	)
}

// input returns the variables of a delivery.
func input(header http.Header, payload any) vars {
	lower := make(map[string]string, len(header))
	for name, values := range header {
		lower[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return vars{"body": payload, "header": lower}
}

// expression is one expression of the configuration.
type expression struct {
	key     string
	ast     *cel.Ast
	program cel.Program
}

// compile returns the expression, or an *Error for invalid CEL and for a type that f cannot
// take.
func compile(env *cel.Env, key, text string, f form) (*expression, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, &Error{Key: key, Problem: describe(issues)}
	}
	if name := unbounded(ast); name != "" {
		return nil, &Error{Key: key, Problem: name + " may make a text of any length: use + for a join, and replace only by a constant text that is not longer"}
	}
	if out := ast.OutputType(); !f.canTake(out) {
		return nil, &Error{Key: key, Problem: fmt.Sprintf("yields %s, want %s", out, f)}
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost))
	if err != nil {
		return nil, &Error{Key: key, Problem: err.Error()}
	}
	return &expression{key, ast, program}, nil
}

// describe returns the problem of an expression on one line.
func describe(issues *cel.Issues) string {
	var all []string
	for _, e := range issues.Errors() {
		message, _, _ := strings.Cut(e.Message, "\n")
		if column := e.Location.Column() + 1; column > 0 {
			message = fmt.Sprintf("column %d: %s", column, message)
		}
		all = append(all, message)
	}
	return strings.Join(all, "; ") + " (write body.name for a member of the payload, 'name' in quotes for text)"
}

// fault returns an *Error with the key of the expression.
func (x *expression) fault(problem error) error {
	return &Error{Key: x.key, Problem: problem.Error()}
}

// eval returns the value of the expression in the types of JSON (nil, bool, int64, uint64,
// float64, string, []any, map[string]any) or a time. An error is an *Error without CEL's
// message, which may contain values of the payload.
func (x *expression) eval(in vars) (any, error) {
	out, _, err := x.program.Eval(in)
	if _, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
		return nil, x.fault(errors.New("takes too long for this payload: use shorter lists, and no list inside another"))
	}
	if err != nil {
		return nil, x.fault(fmt.Errorf("cannot be evaluated%s: a member is missing or has another type; write .? before a name that may be missing", x.place(err)))
	}
	left := maxValue
	value, err := plain(out, &left)
	if err != nil {
		return nil, x.fault(err)
	}
	return value, nil
}

// place returns the position of an error in the expression, if known.
func (x *expression) place(err error) string {
	at, ok := errors.AsType[*types.Err](err)
	if !ok || at.NodeID() == 0 {
		return ""
	}
	location := x.ast.NativeRep().SourceInfo().GetStartLocation(at.NodeID())
	return fmt.Sprintf(" at column %d", location.Column()+1)
}

// text returns the value of the expression as a text that is not empty.
func (x *expression) text(in vars) (string, error) {
	value, err := x.eval(in)
	if err != nil {
		return "", err
	}
	value, err = textForm.take(value)
	if err != nil {
		return "", x.fault(err)
	}
	s, ok := value.(string)
	if !ok {
		return "", x.fault(errors.New("the payload has no value here"))
	}
	return s, nil
}

// time returns the value of the expression as a time, or the zero time for null.
func (x *expression) time(in vars) (time.Time, error) {
	value, err := x.eval(in)
	if err != nil || value == nil || value == "" {
		return time.Time{}, err
	}
	at, err := toTime(value)
	if err != nil {
		return time.Time{}, x.fault(err)
	}
	return at, nil
}
