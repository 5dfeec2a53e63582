package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/usherhq/usher/internal/expression"
)

// callCost bounds the evaluation of all expressions for one call and its answer, in cost units of
// CEL.
const callCost = 20 * expression.MaxCost

// scope holds the variables of expressions, and the cost that is left.
type scope struct {
	vars map[string]any
	left uint64
}

func newScope(vars map[string]any) *scope { return &scope{vars: vars, left: callCost} }

// with returns a scope with one more variable. The cost is counted anew.
func (s *scope) with(name string, value any) *scope {
	vars := make(map[string]any, len(s.vars)+1)
	for k, v := range s.vars {
		vars[k] = v
	}
	vars[name] = value
	return newScope(vars)
}

// eval returns the value of an expression in the types of JSON; nil without a value.
func (s *scope) eval(e Expr) (any, error) {
	if e.path != nil {
		value, err := walk(s.vars, e.path)
		if err != nil {
			err = fmt.Errorf("%s: %w", e.text, err)
		}
		return value, err
	}
	if e.simple != nil {
		if value, ok := e.simple(s.vars); ok {
			return value, nil
		}
	}
	value, err := e.program.EvalWithin(s.vars, &s.left)
	if err != nil {
		err = fmt.Errorf("%s: %w", e.text, err)
	}
	return value, err
}

// text returns the value of an expression as text; "" without a value or without an expression.
func (s *scope) text(e Expr) (string, error) {
	if !e.set() {
		return "", nil
	}
	value, err := s.eval(e)
	if err != nil {
		return "", err
	}
	text, ok := textOf(value)
	if !ok {
		return "", fmt.Errorf("%s: is neither a text nor a number", e.text)
	}
	return text, nil
}

// textOf returns a scalar as text.
func textOf(value any) (text string, ok bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		if v == float64(int64(v)) {
			return strconv.FormatInt(int64(v), 10), true
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// holds reports whether an expression is true. An expression that cannot be evaluated does not
// hold; an evaluation over the limit of cost is an error.
func (s *scope) holds(e Expr) (bool, error) {
	value, err := s.eval(e)
	if errors.Is(err, expression.ErrLimit) {
		return false, err
	}
	yes, _ := value.(bool)
	return err == nil && yes, nil
}

// path returns the path of a call. The value of each expression is escaped; an empty value is an
// error. vendors.Client refuses a segment that names another folder.
func (s *scope) path(p Path) (string, error) {
	var b strings.Builder
	for _, one := range p.parts {
		if !one.value.set() {
			b.WriteString(one.text)
			continue
		}
		text, err := s.text(one.value)
		switch {
		case err != nil:
			return "", err
		case text == "":
			return "", fmt.Errorf("%s: cannot be part of a path: the value is empty", one.value.text)
		}
		b.WriteString(url.PathEscape(text))
	}
	return b.String(), nil
}

// value returns a JSON value. Members and elements without a value are left out.
func (s *scope) value(v Value) (any, error) {
	switch {
	case v.literal != nil:
		return v.literal, nil
	case v.members != nil:
		return s.object(v.members)
	case v.list != nil:
		list := make([]any, 0, len(v.list))
		for _, one := range v.list {
			element, err := s.value(one)
			if err != nil {
				return nil, err
			}
			if element != nil {
				list = append(list, element)
			}
		}
		return list, nil
	}
	return s.eval(v.expr)
}

func (s *scope) object(members map[string]Value) (any, error) {
	object := make(map[string]any, len(members))
	for name, one := range members {
		value, err := s.value(one)
		if err != nil {
			return nil, err
		}
		if value != nil {
			object[name] = value
		}
	}
	return object, nil
}

// values returns a query or a form. Lists and objects become a[0][b]; a list below a name with []
// repeats the name.
func (s *scope) values(members map[string]Value) (url.Values, error) {
	if members == nil {
		return nil, nil //nolint:nilnil // no query
	}
	out := url.Values{}
	for name, one := range members {
		value, err := s.value(one)
		if err != nil {
			return nil, err
		}
		if err := flatten(out, name, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// flatten adds a JSON value to a form.
func flatten(out url.Values, name string, value any) error {
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for member, inner := range v {
			if err := flatten(out, name+"["+member+"]", inner); err != nil {
				return err
			}
		}
	case []any:
		for i, inner := range v {
			at := name
			if !strings.HasSuffix(name, "[]") {
				at = name + "[" + strconv.Itoa(i) + "]"
			}
			if err := flatten(out, at, inner); err != nil {
				return err
			}
		}
	default:
		text, ok := textOf(v)
		if !ok {
			return fmt.Errorf("%s: has a value that a form lacks", name)
		}
		out.Add(name, text)
	}
	return nil
}
