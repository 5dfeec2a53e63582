package events

import (
	"net/url"
	"testing"

	"pgregory.net/rapid"
)

// TestSimpleReferencesAreReferences holds the short way to the parser of URLs.
func TestSimpleReferencesAreReferences(t *testing.T) {
	short := 0
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]string{"", "https://", "https:", "http://", "https://https://"}).Draw(t, "start") +
			rapid.StringOfN(rapid.SampledFrom([]rune("aZ09/-._~:@%[?#")), 0, 12, -1).Draw(t, "rest")
		if !simpleReference(s) {
			return
		}
		short++
		if _, err := url.Parse(s); err != nil || !isReference(s) {
			t.Fatalf("%q: %v", s, err)
		}
	})
	if short == 0 {
		t.Error("no reference is simple")
	}
}
