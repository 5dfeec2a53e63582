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
	return regexp.Compile(text)
}

// plain matches noControls, ten times as fast as regexp.
type plain struct{}

// String returns the pattern.
func (plain) String() string { return noControls }

// MatchString reports whether s is not empty and has no control character.
func (plain) MatchString(s string) bool {
	return s != "" && !strings.ContainsFunc(s, unicode.IsControl)
}
