package expression

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
)

// Error is the first mistake in an expression.
type Error struct {
	Line, Column int // from 1
	Problem      string
}

// Error returns the column and the problem; the line if it is not the first.
func (e *Error) Error() string {
	if e.Line > 1 {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
	}
	return fmt.Sprintf("column %d: %s", e.Column, e.Problem)
}

// firstProblem returns the first problem of an expression: the parser finds further ones behind each.
func firstProblem(issues *cel.Issues) error {
	first := slices.MinFunc(issues.Errors(), func(a, b *cel.Error) int {
		return cmp.Or(cmp.Compare(a.Location.Line(), b.Location.Line()), cmp.Compare(a.Location.Column(), b.Location.Column()))
	})
	message, _, _ := strings.Cut(first.Message, "\n")
	for _, p := range phrases {
		if p.of.MatchString(message) {
			message = p.of.ReplaceAllString(message, p.plain)
			break
		}
	}
	return &Error{Line: max(first.Location.Line(), 1), Column: max(first.Location.Column()+1, 1), Problem: message}
}

// phrases are messages of the parser in plain words; the first that matches counts.
var phrases = []struct {
	of    *regexp.Regexp
	plain string
}{
	{regexp.MustCompile(`^Syntax error: token recognition error at: '['"].*$`), "the text that begins here has no end, or a wrong \\"},
	{regexp.MustCompile(`^Syntax error: token recognition error at: '=.*$`), "= is no comparison; expected: =="},
	{regexp.MustCompile(`^Syntax error: token recognition error at: '(.*)'$`), "$1 cannot be in an expression"},
	{regexp.MustCompile(`^Syntax error: missing '(.*)' at '<EOF>'$`), "the expression ends too early; expected: $1"},
	{regexp.MustCompile(`^Syntax error: missing '(.*)' at '(.*)'$`), "unexpected $2; expected: $1"},
	{regexp.MustCompile(`^Syntax error: no viable alternative at input '\..*'$`), "the name behind the dot is missing"},
	{regexp.MustCompile(`^Syntax error: \w+ input '<EOF>' expecting .*IDENTIFIER.*$`), "the expression ends too early; expected: a value"},
	{regexp.MustCompile(`^Syntax error: \w+ input '<EOF>' expecting (.*)$`), "the expression ends too early; expected: $1"},
	{regexp.MustCompile(`^Syntax error: \w+ input '(.*)' expecting .*IDENTIFIER.*$`), "unexpected $1; expected: a value"},
	{regexp.MustCompile(`^Syntax error: \w+ input '(.*)' expecting <EOF>$`), "unexpected $1; expected: an operator, such as && or +, or the end"},
	{regexp.MustCompile(`^Syntax error: \w+ input '(.*)' expecting (.*)$`), "unexpected $1; expected: $2"},
	{regexp.MustCompile(`^undeclared reference to '([^']*)'.*$`), "the name $1 is unknown"},
	{regexp.MustCompile(`^found no matching overload for '_?(.+?)_?' applied to '(.*)'$`), "$1 does not take $2"},
	{regexp.MustCompile(`^expression code point size exceeds limit: .*$`), fmt.Sprintf("the expression has more than %d characters", maxSize)},
}
