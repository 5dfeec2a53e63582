package httpapi

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // UUID version 5 is defined by SHA-1
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/usherhq/usher/internal/expression"
	"github.com/usherhq/usher/vendors"
)

// known holds the variables of expressions with their members; nil for members that the API or the
// file decides.
var known = map[string][]string{
	"set":        nil,
	"user":       {"id", "email", "name", "full_name", "first_name", "last_name", "locale", "time_zone", "phone", "attributes"},
	"account":    {"id", "email"},
	"course":     {"id", "ours"},
	"enrollment": {"starts_on", "ends_on"},
	"activity":   {"name", "at", "properties"},
	"origin":     {"key", "at"},
	"answer":     {"status", "header", "body", "text"},
	"item":       nil,
	"page":       nil,
	"read":       nil,
	"token":      nil,
}

// The functions that are known outside of CEL, too.
const (
	functionNumber = "number"
	functionList   = "list"
)

// newEnv returns CEL with the variables and the functions of a file.
func newEnv() (*cel.Env, error) {
	options := []cel.EnvOption{ext.Math(), ext.Encoders()}
	for name := range known {
		options = append(options, cel.Variable(name, cel.DynType))
	}
	text := cel.StringType
	return expression.NewEnv(append(options,
		cel.Function("password", cel.Overload("password", nil, text, cel.FunctionBinding(func(...ref.Val) ref.Val {
			return types.String(vendors.NewPassword().Reveal())
		}))),
		oneText("sha256", func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }),
		oneText("uuid", uuid),
		cel.Function(functionNumber, cel.Overload("number_dyn", []*cel.Type{cel.DynType}, cel.IntType, cel.UnaryBinding(number))),
		cel.Function(functionList, cel.Overload("list_dyn", []*cel.Type{cel.DynType}, cel.ListType(cel.DynType), cel.UnaryBinding(list))),
		cel.Function("cut", cel.Overload("cut_text_int", []*cel.Type{text, cel.IntType}, text, cel.BinaryBinding(cut))),
		twoTexts("longest", text, func(s, separators string) ref.Val { return types.String(longest(s, separators)) }),
		twoTexts("sameEmail", cel.BoolType, func(a, b string) ref.Val { return types.Bool(vendors.SameEmail(a, b)) }),
	)...)
}

// oneText returns a function from a text to a text.
func oneText(name string, f func(string) string) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_text", []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(func(v ref.Val) ref.Val {
		s, ok := v.(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(v)
		}
		return types.String(f(string(s)))
	})))
}

// twoTexts returns a function of two texts.
func twoTexts(name string, out *cel.Type, f func(a, b string) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_text_text", []*cel.Type{cel.StringType, cel.StringType}, out, cel.BinaryBinding(func(a, b ref.Val) ref.Val {
		s, ok := a.(types.String)
		t, okToo := b.(types.String)
		if !ok || !okToo {
			return types.MaybeNoSuchOverloadErr(a)
		}
		return f(string(s), string(t))
	})))
}

// uuid returns the UUID of version 5 of a text, in the name space of URLs.
func uuid(s string) string {
	space := []byte("\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8")
	sum := sha1.Sum(append(space, s...)) //nolint:gosec // see the import
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// number returns the whole number in a value: vendors write 7 also as "7", " 7 " or 7.0.
func number(v ref.Val) ref.Val {
	n, ok := wholeOf(v.Value())
	if !ok {
		return types.NewErr("no whole number")
	}
	return types.Int(n)
}

// list returns the list in a value: PHP writes some lists as objects with numbers as names.
func list(v ref.Val) ref.Val {
	items, ok := listOf(v.Value())
	if !ok {
		return types.NewErr("no list")
	}
	return types.DefaultTypeAdapter.NativeToValue(items)
}

// cutHash is the number of hex digits behind a text that was cut.
const cutHash = 8

// cut returns a text of at most n characters. A longer text ends with a hash of the whole, so that
// two texts with the same beginning stay different.
func cut(v, most ref.Val) ref.Val {
	s, ok := v.(types.String)
	n, okToo := most.(types.Int)
	switch {
	case !ok || !okToo:
		return types.MaybeNoSuchOverloadErr(v)
	case utf8.RuneCountInString(string(s)) <= int(n):
		return s
	case n <= cutHash+1:
		return types.NewErr("cut needs more than %d characters", cutHash+1)
	}
	sum := sha256.Sum256([]byte(s))
	return types.String(string([]rune(string(s))[:int(n)-cutHash-1]) + "-" + hex.EncodeToString(sum[:])[:cutHash])
}

// longest returns the longest part of a text without any of the separators: a part that every
// search takes literally.
func longest(s, separators string) string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators, r) })
	if len(parts) == 0 {
		return ""
	}
	return slices.MaxFunc(parts, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}
