package httpapi

import (
	"testing"

	"github.com/usherhq/usher/internal/expression"
)

// TestSimpleExpressions compares the evaluation without CEL with CEL.
func TestSimpleExpressions(t *testing.T) {
	env, err := newEnv()
	if err != nil {
		t.Fatal(err)
	}
	bodies := []any{
		nil, "text", int64(7), uint64(1 << 63), 7.0, true,
		[]any{},
		[]any{map[string]any{"a": int64(0)}},
		map[string]any{},
		map[string]any{"a": nil},
		map[string]any{"a": int64(0)},
		map[string]any{"a": "0"},
		map[string]any{"a": " 7.0 "},
		map[string]any{"a": 7.0},
		map[string]any{"a": 7.5},
		map[string]any{"a": true},
		map[string]any{"a": false, "b": false},
		map[string]any{"a": map[string]any{"b": "7"}},
		map[string]any{"a": []any{"b"}},
		map[string]any{"a": "b", "b": "b"},
		map[string]any{"a": map[string]any{}, "b": map[string]any{}},
	}
	for text, simple := range map[string]bool{
		`answer.status == 404`: true, `answer.status < 300`: true, `answer.status >= 404 && answer.status <= 404`: true, `answer.status > 404 || !(answer.status != 404)`: true,
		`has(answer.body.a)`: true, `has(answer.body.a.b) && !has(answer.body.c)`: true, `!has(answer.body.a) || answer.body.a == "0"`: true,
		`answer.body.a == answer.body.b`: true, `answer.body.a != answer.body.b`: true, `answer.body.a == "b"`: true, `answer.body.a == 7`: true, `answer.body.a != true`: true,
		`number(answer.body.a) != 0`: true, `number(answer.body) == 7`: true, `answer.text.contains("0")`: true, `answer.body.a.contains("7")`: true,
		`answer.body.a && answer.body.b`: true, `answer.body.a || answer.body.b`: true, `!answer.body.a`: true, `answer.body[0].a == 0`: true, `answer.body["a"] == 7`: true,
		`answer.body.?a == optional.of(7)`: false, `answer.body.a == null`: false, `answer.body.a + 1 == 8`: false, `answer.body.a < 7.5`: false, `"b" in answer.body.a`: false,
		`answer.body.a ? true : false`: false, `answer.text.matches("[0-9]")`: false, `answer.body.exists(x, x == 7)`: false, `number(answer.body.?a.orValue(0)) == 7`: false,
	} {
		t.Run(text, func(t *testing.T) {
			program, err := expression.Compile(env, text)
			if err != nil {
				t.Fatal(err)
			}
			quick := simpleOf(program.AST.NativeRep().Expr())
			if (quick != nil) != simple {
				t.Fatalf("evaluated without CEL: %v, want %v", quick != nil, simple)
			}
			for _, body := range bodies {
				if quick == nil {
					break
				}
				vars := map[string]any{"answer": map[string]any{"status": int64(404), "text": "404", "body": body}}
				got, ok := quick(vars)
				want, err := program.Eval(vars)
				if ok && (err != nil || got != want) {
					t.Errorf("of %v: got %v without CEL, want %v, %v", body, got, want, err)
				}
			}
		})
	}
}

// TestRulesNeedNoCEL fails if the usual rules are left to CEL.
func TestRulesNeedNoCEL(t *testing.T) {
	env, err := newEnv()
	if err != nil {
		t.Fatal(err)
	}
	for text, body := range map[string]any{
		`answer.text.contains("Invalid key") && !has(answer.body.id)`:                map[string]any{"id": int64(7)},
		`answer.status < 300 && (has(answer.body.error) || has(answer.body.errors))`: map[string]any{"id": int64(7)},
		`number(answer.body.role) != 0`:                                              map[string]any{"role": "0"},
		`answer.status == 409`:                                                       nil,
	} {
		program, err := expression.Compile(env, text)
		if err != nil {
			t.Fatal(err)
		}
		vars := map[string]any{"answer": map[string]any{"status": int64(200), "text": "{}", "body": body}}
		if value, ok := simpleOf(program.AST.NativeRep().Expr())(vars); !ok || value != false {
			t.Errorf("%s: got %v, %v without CEL, want false", text, value, ok)
		}
	}
}
