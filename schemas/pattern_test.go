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

// TestQuickPatternsAreThePatterns holds each function to the pattern, in texts near the pattern, and
// wants that the schemas have the pattern.
func TestQuickPatternsAreThePatterns(t *testing.T) {
	set, err := New()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, c := range set.byName {
		if c.plain == nil {
			continue
		}
		for _, m := range c.plain.Properties {
			used[m.Pattern] = true
		}
	}
	for text := range quick {
		t.Run(text, func(t *testing.T) {
			if !used[text] {
				t.Error("no schema has the pattern")
			}
			want := regexp.MustCompile(text)
			got, err := pattern(text)
			if err != nil || got.String() != text {
				t.Fatalf("got %v, %v", got, err)
			}
			rapid.Check(t, func(t *rapid.T) {
				s := rapid.OneOf(
					rapid.StringOfN(rapid.SampledFrom([]rune("aZ09-_+/@.\n\r{[`:é\u212a\u2028")), 0, 24, -1),
					nearly(`[A-Za-z]{1,9}([-_]([A-Za-z0-9]{0,1}|[A-Za-z0-9]{7,9})){0,2}`),
					nearly(`[A-Za-z0-9_+-]{0,3}(/[A-Za-z0-9_+-]{0,3}){0,2}`),
					rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
				).Draw(t, "text")
				if got.MatchString(s) != want.MatchString(s) {
					t.Fatalf("%q: got %t", s, got.MatchString(s))
				}
			})
		})
	}
}

// nearly returns texts of a pattern, half of them with another character in between.
func nearly(pattern string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringMatching(pattern).Draw(t, "matching")
		at := rapid.IntRange(0, len(s)).Draw(t, "place")
		return s[:at] + rapid.SampledFrom([]string{"", "", "", "", "@", "\n", ".", "0", "z", "[", "`", "{", ":", "/", "\u212a", "\xff"}).Draw(t, "other") + s[at:]
	})
}
