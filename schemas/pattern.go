package schemas

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// noControls is the pattern of nearly every string.
const noControls = `^\P{Cc}+$`

// pattern compiles a pattern of a schema.
func pattern(text string) (jsonschema.Regexp, error) {
	if text == noControls {
		return plain{}, nil
	}
	if compiled, err := regexp.Compile(text); err != nil || quick[text] == nil {
		return compiled, err
	}
	return quickPattern{text, quick[text]}, nil
}

// quick has functions for further patterns of every profile, each several times as fast as regexp.
var quick = map[string]func(s string) bool{
	`^.+@`: func(s string) bool {
		line, _, _ := strings.Cut(s, "\n") // . matches no line break
		return strings.LastIndexByte(line, '@') > 0
	},
	`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`: func(s string) bool {
		head, rest, more := cutAny(s, "-_")
		ok := 2 <= len(head) && len(head) <= 8 && strings.IndexFunc(head, notLetter) < 0
		for ok && more {
			head, rest, more = cutAny(rest, "-_")
			ok = 1 <= len(head) && len(head) <= 8 && strings.IndexFunc(head, notAlphanumeric) < 0
		}
		return ok
	},
	`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`: func(s string) bool {
		ok, more := true, true
		for ok && more {
			var name string
			name, s, more = strings.Cut(s, "/")
			ok = name != "" && strings.IndexFunc(name, func(r rune) bool {
				return notAlphanumeric(r) && r != '_' && r != '+' && r != '-'
			}) < 0
		}
		return ok
	},
}

// quickPattern matches a pattern by a function.
type quickPattern struct {
	text    string
	matches func(s string) bool
}

// String returns the pattern.
func (q quickPattern) String() string { return q.text }

// MatchString reports whether s matches the pattern.
func (q quickPattern) MatchString(s string) bool { return q.matches(s) }

// cutAny is strings.Cut at the first of several ASCII characters.
func cutAny(s, chars string) (before, after string, found bool) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func notLetter(r rune) bool { return (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r) }

func notAlphanumeric(r rune) bool { return notLetter(r) && (r < '0' || '9' < r) }

// plain matches noControls, ten times as fast as regexp.
type plain struct{}

// String returns the pattern.
func (plain) String() string { return noControls }

// MatchString reports whether s is not empty and has no control character.
func (plain) MatchString(s string) bool {
	return s != "" && !strings.ContainsFunc(s, unicode.IsControl)
}
