package expression_test

import (
	"strings"
	"testing"

	"cel.dev/cel-go/cel"

	"github.com/usherhq/usher/internal/expression"
)

// Each mistake is one plain line with the column, without terms of the parser.
func TestProblems(t *testing.T) {
	env, err := expression.NewEnv(cel.Variable("user", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"user..a":                 "column 6: the name behind the dot is missing",
		"user.":                   "column 6: the name behind the dot is missing",
		"user ~ 3":                "column 6: ~ cannot be in an expression",
		"user.a = 3":              "column 8: = is no comparison; expected: ==",
		"user.a === 3":            "column 10: = is no comparison; expected: ==",
		"user 3":                  "column 6: unexpected 3; expected: an operator, such as && or +, or the end",
		"user.a and user.b":       "column 8: unexpected and; expected: an operator, such as && or +, or the end",
		"user)":                   "column 5: unexpected ); expected: an operator, such as && or +, or the end",
		"(user":                   "column 6: the expression ends too early; expected: )",
		"user.a && ":              "column 11: the expression ends too early; expected: a value",
		"user.a ? 1":              "column 11: the expression ends too early; expected: ':'",
		"user.?":                  "column 7: the expression ends too early; expected: a value",
		"[1,,2]":                  "column 4: unexpected ,; expected: ']'",
		"1 +* 2":                  "column 4: unexpected *; expected: a value",
		"'abc":                    "column 1: the text that begins here has no end, or a wrong \\",
		"'a\\q'":                  "column 1: the text that begins here has no end, or a wrong \\",
		"learner":                 "column 1: the name learner is unknown",
		"[1].exists(x)":           "column 11: the name exists is unknown",
		`"a" + 1`:                 "column 5: + does not take (string, int)",
		"user.a\n  + #":           "line 2, column 5: # cannot be in an expression",
		strings.Repeat("a", 3000): "column 1: the expression has more than 2000 characters",
		"99999999999999999999":    "column 1: invalid int literal",
		"user.a.matches('(')":     "column 16: invalid matches argument",
		"timestamp('yesterday')":  "column 11: invalid timestamp argument",
		"user.a.matches(user.b)":  "matches needs a constant text",
		"[user.a].join(',')":      "join may make a text of any length",
	} {
		if _, err := expression.Compile(env, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}
