package config

import (
	"slices"
	"strings"
)

// Match lists the keys by which a vendor finds the account of a user, in order.
type Match []string

// String returns the keys; empty for the default.
func (m Match) String() string { return strings.Join(m, ", ") }

// Adopt says which accounts from before Usher a user may get.
type Adopt string

// adopts are the words of Adopt, with the default in the middle.
var adopts = []string{"always", "unclaimed", "never"}

// String returns the word.
func (a Adopt) String() string {
	if a == "" {
		return adopts[1]
	}
	return string(a)
}

// checkMatch checks the keys of look-ups.
func (l *loader) checkMatch(s Section) {
	key, match, keys := s.key("match"), s.Rules.Match, s.Settings.Keys()
	if match == nil || !l.looksUp(s, "match") {
		return
	}
	want := "want one or more of: " + strings.Join(keys, ", ")
	if len(match) == 0 {
		l.fault(key, "is empty", want)
	}
	for i, k := range match {
		switch {
		case !slices.Contains(keys, k):
			l.fault(key, "has "+quote(k)+", by which the vendor finds no account", withNearest(k, keys, want))
		case slices.Contains(match[:i], k):
			l.fault(key, "has "+quote(k)+" twice", "keep one")
		}
	}
}

// checkAdopt checks the accounts that are adopted.
func (l *loader) checkAdopt(s Section) {
	key, a := s.key("adopt"), s.Rules.Adopt
	switch {
	case a == "" || !l.looksUp(s, "adopt"):
	case a == "any": // the word of a former version
		l.fault(key, "cannot be "+quote("any"), "write always, the present word for the same")
	default:
		l.oneOf(key, string(a), adopts...)
	}
}

// looksUp reports whether the vendor finds accounts at all, and adds a fault for the setting if not.
func (l *loader) looksUp(s Section, name string) bool {
	if len(s.Settings.Keys()) > 0 {
		return true
	}
	l.fault(s.key(name), "has no meaning: the vendor, or the vendor in this mode, knows users by our ids and finds no accounts", "leave "+s.key(name)+" out")
	return false
}
