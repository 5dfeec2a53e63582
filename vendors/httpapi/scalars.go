package httpapi

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/internal/expression"
)

// Expr is a CEL expression of a file. The zero value is no expression.
type Expr struct {
	text    string
	line    int
	block   bool // a literal block of YAML: each line is one of the file
	program *expression.Program
	path    []step // a chain of members, evaluated without CEL; nil for any other expression
	simple  simple // nil for an expression that only CEL evaluates
}

// set reports whether the file has the expression.
func (e Expr) set() bool { return e.line > 0 }

// isBody reports whether the expression is the whole body of an answer.
func (e Expr) isBody() bool {
	return len(e.path) == 2 && e.path[0].name == "answer" && e.path[1].name == "body"
}

// Path is the path of a call: constant text, and expressions in braces.
type Path struct {
	line  int
	text  string
	parts []part
}

// part is a constant text, or an expression whose value is escaped.
type part struct {
	text  string
	value Expr
}

func (p Path) set() bool { return p.line > 0 }

// Value is the form of a JSON value: texts are expressions, numbers, true and false are
// themselves.
type Value struct {
	line    int
	literal any // a number, true or false; nil for the other forms
	expr    Expr
	members map[string]Value // nil unless an object
	list    []Value          // nil unless a list
}

// Literal is a constant of a file: a text, a number, true or false.
type Literal struct{ value any }

// Duration is a time such as 40h.
type Duration time.Duration

// readScalar reads the types above from a node. ok is false for another type.
func readScalar(n *yaml.Node, out any) (ok bool, problem, fix string) {
	switch out := out.(type) {
	case *Expr:
		problem, fix = readExpr(n, out)
	case *Path:
		problem, fix = readPath(n, out)
	case *Literal:
		problem, fix = readLiteral(n, out)
	case *Duration:
		d, err := time.ParseDuration(n.Value)
		if err != nil || d <= 0 {
			problem, fix = "is no time", "write a number with a unit, such as 30m or 40h"
		}
		*out = Duration(d)
	default:
		return false, "", ""
	}
	return true, problem, fix
}

func readExpr(n *yaml.Node, out *Expr) (problem, fix string) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		return "is no expression", "write CEL, such as user.email, or '\"text\"' for a text"
	}
	*out = Expr{text: strings.TrimRight(n.Value, " \t\n"), line: n.Line, block: n.Style&yaml.LiteralStyle != 0}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		out.line++ // the text begins below | and >
	}
	return "", ""
}

func readLiteral(n *yaml.Node, out *Literal) (problem, fix string) {
	if n.Kind != yaml.ScalarNode || n.Decode(&out.value) != nil {
		return "is neither a text nor a number", "write a text, a number, true or false"
	}
	switch out.value.(type) {
	case string, int, bool:
		return "", ""
	}
	return fmt.Sprintf("cannot be %.80q", n.Value), "write a text in quotes, a whole number, true or false"
}

// readPath splits a path into texts and expressions in braces.
func readPath(n *yaml.Node, out *Path) (problem, fix string) {
	const fixed = "write a path below base_url, such as /users/{account.id}"
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		return "is no path", fixed
	case n.Value != "" && !strings.HasPrefix(n.Value, "/"):
		return "does not begin with /", fixed
	case strings.ContainsAny(n.Value, "?#"):
		return "has a query or a fragment", "move the query to the key query"
	}
	*out = Path{line: n.Line, text: n.Value}
	rest := n.Value
	for rest != "" {
		text, after, open := strings.Cut(rest, "{")
		if strings.Contains(text, "}") || hasDots(text) {
			return "has a } without {, or the segment . or ..", fixed
		}
		if text != "" {
			out.parts = append(out.parts, part{text: text})
		}
		if !open {
			break
		}
		inner, behind, closed := strings.Cut(after, "}")
		if !closed || strings.TrimSpace(inner) == "" {
			return "has an open or an empty {}", fixed
		}
		out.parts = append(out.parts, part{value: Expr{text: inner, line: n.Line}})
		rest = behind
	}
	return "", ""
}

// hasDots reports whether a text has a segment that names another folder.
func hasDots(text string) bool {
	for segment := range strings.SplitSeq(text, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
