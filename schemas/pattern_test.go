package schemas

import (
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"pgregory.net/rapid"
)

// TestAdviceHasNoPatternForATextInOneLine wants words that a person can follow.
func TestAdviceHasNoPatternForATextInOneLine(t *testing.T) {
	for pattern, want := range map[string]string{
		noControls:  "send a text without line breaks, tabs and other control characters",
		"^[a-z0-9]": "send a string that matches ^[a-z0-9]",
	} {
		if got := advice(&kind.Pattern{Want: pattern}); got != want {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}

// TestPlainIsThePattern holds the short way to the pattern that it stands for, in
// texts of all kinds and in bytes that are no text.
func TestPlainIsThePattern(t *testing.T) {
	want := regexp.MustCompile(noControls)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.String(),
			rapid.StringOf(rapid.SampledFrom([]rune{'a', '\n', 0, 0x7f, 0x85, 0x9f, 0xa0, 0xfffd, 'é'})),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		).Draw(t, "text")
		if got := (plain{}).MatchString(s); got != want.MatchString(s) {
			t.Fatalf("%q: got %t", s, got)
		}
	})
}
