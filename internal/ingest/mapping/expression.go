package mapping

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/usherhq/usher/internal/expression"
)

// vars are the variables of expressions, and the cost left for their evaluation.
type vars struct {
	values map[string]any
	left   *uint64
}

// MaxCost bounds the evaluation of all expressions for one delivery, in cost units of CEL: ten
// times the limit of one expression.
const MaxCost = 10 * expression.MaxCost

// at returns the variables for an element of a list.
func (v vars) at(index int, item any) vars {
	values := maps.Clone(v.values)
	values["item"], values["index"] = item, int64(index)
	return vars{values, v.left}
}

// envMaker returns a language with more variables.
type envMaker func(more ...cel.EnvOption) (*cel.Env, error)

// newEnv returns the language of mappings of deliveries.
func newEnv(more ...cel.EnvOption) (*cel.Env, error) { return newEnvOver("header", more) }

// newForeignEnv returns the language of mappings of CloudEvents.
func newForeignEnv(more ...cel.EnvOption) (*cel.Env, error) { return newEnvOver("event", more) }

// newEnvOver returns the language over body and a further variable with texts by name.
func newEnvOver(texts string, more []cel.EnvOption) (*cel.Env, error) {
	return expression.NewEnv(append([]cel.EnvOption{
		jsonFunction(),
		cel.Variable("body", cel.DynType),
		cel.Variable(texts, cel.MapType(cel.StringType, cel.StringType)),
	}, more...)...)
}

// itemVariables are the variables for an element of a list.
var itemVariables = []cel.EnvOption{cel.Variable("item", cel.DynType), cel.Variable("index", cel.IntType)}

// input returns the variables of a delivery.
func input(header http.Header, payload any) vars {
	lower := make(map[string]string, len(header))
	for name, values := range header {
		lower[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	left := uint64(MaxCost)
	return vars{map[string]any{"body": payload, "header": lower}, &left}
}

// keyed is one expression of the configuration.
type keyed struct {
	key     string
	program *expression.Program
}

// compile returns the expression, or an *Error for invalid CEL and for a type that f cannot
// take.
func compile(env *cel.Env, key, text string, f form) (*keyed, error) {
	program, err := expression.Compile(env, text, jsonCost())
	if err != nil {
		return nil, &Error{Key: key, Problem: err.Error() + hint}
	}
	if out := program.AST.OutputType(); !f.canTake(out) {
		return nil, &Error{Key: key, Problem: fmt.Sprintf("yields %s, want %s", out, f)}
	}
	return &keyed{key, program}, nil
}

// hint follows the problem of an expression that cannot be compiled.
const hint = " (write body.name for a member of the payload, 'name' in quotes for text)"

// fault returns an *Error with the key of the expression.
func (x *keyed) fault(problem error) error {
	return &Error{Key: x.key, Problem: problem.Error()}
}

// eval returns the value of the expression in the types of JSON (nil, bool, int64, uint64,
// float64, string, []any, map[string]any) or a time. An error is an *Error without CEL's
// message, which may contain values of the payload.
func (x *keyed) eval(in vars) (any, error) {
	value, err := x.program.EvalWithin(in.values, in.left)
	if err != nil {
		return nil, x.fault(err)
	}
	return value, nil
}

// text returns the value of the expression as a text that is not empty.
func (x *keyed) text(in vars) (string, error) {
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
func (x *keyed) time(in vars) (time.Time, error) {
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
