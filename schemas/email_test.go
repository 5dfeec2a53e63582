package schemas

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPlainDomainIsDomain compares the scan of usual domains with the check of all domains.
func TestPlainDomainIsDomain(t *testing.T) {
	label := rapid.OneOf(
		rapid.StringMatching(`[a-z0-9-]{0,5}`), rapid.SampledFrom([]string{"example", "xn--a", "xn--mnchen-3ya", "ab--c", "A", "_dmarc", "ü"}),
		rapid.Map(rapid.IntRange(60, 65), func(n int) string { return strings.Repeat("a", n) }),
	)
	plain := 0
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(label, 0, 6).Draw(t, "labels"), ".")
		if !isPlainDomain(s) {
			return
		}
		plain++
		if err := anyDomain(s); err != nil {
			t.Fatalf("%q is plain: %v", s, err)
		}
	})
	if plain == 0 {
		t.Error("no domain is plain")
	}
	long := strings.Repeat("a", 64)
	for _, s := range []string{"", "xn--a", "ab--c", "a-", "-a", "a-.b", ".a", "a.", "a..b", "A", "a_b", "ü", long, long + ".b", strings.Repeat("a.", 126) + "ab"} {
		if isPlainDomain(s) {
			t.Errorf("%q is plain", s)
		}
	}
}
