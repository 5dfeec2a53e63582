package config

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// Rules are the rules of a team for one vendor; file only. The zero value changes nothing.
type Rules struct {
	Kind  string `yaml:"kind"`  // of the vendor; default the name of the section
	May   May    `yaml:"may"`   // changes that Usher may make; default all
	Mode  Mode   `yaml:"mode"`  // default live
	Start Start  `yaml:"start"` // of a vendor new to this NATS; default all
	Scope Scope  `yaml:"scope"` // expression over the users with an account; default all users
	Map   Map    `yaml:"map"`   // expressions for the fields of an account; default the data of the events
	// Match has the keys by which the vendor finds an account, in order; default all keys of the kind.
	Match Match `yaml:"match"`
	Adopt Adopt `yaml:"adopt"` // accounts from before that a user may get; default unclaimed
	// OnDelete is the change for user.deleted; default delete, or disable for some kinds.
	OnDelete OnDelete `yaml:"on_delete"`
	// OnUnknown is the end of user.deleted without an e-mail, of a user without a known account;
	// default fail.
	OnUnknown OnUnknown `yaml:"on_unknown"`
	// OnLeave is the change for a user taken out of scope; default keep.
	OnLeave OnLeave `yaml:"on_leave"`
	// DeleteAfter is the grace from the disabling of an account until its deletion; default never.
	DeleteAfter time.Duration `yaml:"delete_after"`
	// Deletions has limits of the deletion guard for this vendor; default the limits over all vendors.
	Deletions Deletions `yaml:"deletions"`
}

// May lists the kinds of change that Usher may make at a vendor. nil allows every change.
type May []string

// Changes returns the kinds of change: one for each type of event.
func Changes() []string {
	return []string{"create", "update", "delete", "restore", "enroll", "unenroll", "track"}
}

// Allows reports whether a kind of change is allowed.
func (m May) Allows(change string) bool { return m == nil || slices.Contains(m, change) }

// String returns the kinds of change, or all.
func (m May) String() string {
	if m == nil {
		return "all"
	}
	return strings.Join(m, ", ")
}

// Mode says whether Usher works at a vendor.
type Mode string

// The values of Mode.
const (
	Live   Mode = "live"   // Usher changes the vendor
	Shadow Mode = "shadow" // Usher reads at the vendor, and changes nothing
	Off    Mode = "off"    // as without credentials
)

// Is reports whether m is the mode; the zero Mode is Live.
func (m Mode) Is(mode Mode) bool { return m.String() == string(mode) }

// String returns the word of the mode.
func (m Mode) String() string {
	if m == "" {
		return string(Live)
	}
	return string(m)
}

// modes are the words of Mode.
var modes = []string{string(Live), string(Shadow), string(Off)}

// Start is the first event for a vendor that is new to this NATS: all, now, or a time.
type Start string

// The words of Start.
const (
	StartAll Start = "all" // every stored event
	StartNow Start = "now" // events stored from the first service on
)

// Time returns the time of a Start with a time.
func (s Start) Time() (time.Time, error) { return time.Parse(time.RFC3339, string(s)) }

// All reports whether no event is passed over.
func (s Start) All() bool { return s == "" || s == StartAll }

// String returns the word or the time.
func (s Start) String() string {
	if s == "" {
		return string(StartAll)
	}
	return string(s)
}

// OnDelete is the change of an account whose user was deleted.
type OnDelete string

// The values of OnDelete.
const (
	DeleteAccount OnDelete = "delete"
	// DisableAccount needs a vendor that can disable accounts.
	DisableAccount OnDelete = "disable"
	KeepAccount    OnDelete = "keep" // the account stays, and later events of the user are carried out
)

// Keeps reports whether the account stays.
func (o OnDelete) Keeps() bool { return o == KeepAccount }

// Disables reports whether the account is disabled.
func (o OnDelete) Disables() bool { return o == DisableAccount }

// String returns the word.
func (o OnDelete) String() string {
	if o == "" {
		return string(DeleteAccount)
	}
	return string(o)
}

// OnUnknown is the end of a deletion of an unknown user.
type OnUnknown string

// The values of OnUnknown.
const (
	FailUnknown OnUnknown = "fail" // a dead letter
	SkipUnknown OnUnknown = "skip" // skipped
)

// String returns the word.
func (o OnUnknown) String() string {
	if o == "" {
		return string(FailUnknown)
	}
	return string(o)
}

// OnLeave is the change of an account whose user left the scope.
type OnLeave string

// Disables reports whether the account is disabled.
func (o OnLeave) Disables() bool { return o == OnLeave(DisableAccount) }

// String returns the word.
func (o OnLeave) String() string {
	if o == "" {
		return string(KeepAccount)
	}
	return string(o)
}

// KindName returns the kind of the vendor.
func (s Section) KindName() string {
	if s.Rules.Kind != "" {
		return s.Rules.Kind
	}
	return s.Name
}

// rules returns the rules of all vendors.
func (c *Config) rules() map[string]setting {
	out := map[string]setting{}
	for i := range c.Vendors {
		s := &c.Vendors[i]
		for _, one := range leaves(reflect.ValueOf(&s.Rules).Elem(), s.key(""), "") {
			out[one.key] = one
		}
	}
	return out
}

// RulesInForce returns the rules, with the defaults of the kind.
func (s Section) RulesInForce() Rules {
	r := s.Rules
	if r.OnDelete == "" && s.Settings.DisablesByDefault() {
		r.OnDelete = DisableAccount
	}
	if r.Match == nil {
		r.Match = s.Settings.Keys()
	}
	return r
}

// checkRules checks the rules of all vendors.
func (l *loader) checkRules() {
	for _, s := range l.config.Vendors {
		if l.opaque[s.key("")] {
			continue
		}
		if r := s.Rules; r.Mode != "" {
			l.oneOf(s.key("mode"), string(r.Mode), modes...)
		}
		if o := s.Rules.OnUnknown; o != "" {
			l.oneOf(s.key("on_unknown"), string(o), string(FailUnknown), string(SkipUnknown))
		}
		l.checkRemoval(s, "on_delete", string(s.Rules.OnDelete))
		l.checkRemoval(s, "on_leave", string(s.Rules.OnLeave))
		if key, o := s.key("on_leave"), s.Rules.OnLeave; o != "" && o.String() != string(KeepAccount) && s.Rules.Scope == "" {
			l.fault(key, "needs a scope: without, every user is in scope and nobody leaves", "set "+s.key("scope")+", or leave "+key+" out")
		}
		if s.Rules.OnLeave == OnLeave(DeleteAccount) && !s.Settings.CanDelete() {
			l.fault(s.key("on_leave"), "cannot be delete: the API of the vendor has no way to delete an account", "want keep")
		}
		l.checkDeleteAfter(s)
		l.checkMatch(s)
		l.checkAdopt(s)
		l.checkMay(s.key("may"), s.Rules.May)
		l.checkStart(s.key("start"), s.Rules.Start)
		l.checkDeletions(s.key("deletions"), l.config.DeletionsAt(s))
		l.checkExpressions(s)
	}
}

// checkRemoval checks a change of the accounts of leavers.
func (l *loader) checkRemoval(s Section, key, word string) {
	if word == "" {
		return
	}
	l.oneOf(s.key(key), word, string(DeleteAccount), string(DisableAccount), string(KeepAccount))
	if OnDelete(word).Disables() && !s.Settings.CanDisable() {
		l.fault(s.key(key), "cannot be disable: the API of the vendor, or the API of the vendor in this mode, has no way to disable an account", "want delete or keep")
	}
}

// checkDeleteAfter checks the grace of a disabled account.
func (l *loader) checkDeleteAfter(s Section) {
	key, r := s.key("delete_after"), s.Rules
	if _, set := l.config.origins[key]; !set && r.DeleteAfter == 0 {
		return
	}
	switch {
	case r.DeleteAfter <= 0:
		l.fault(key, "is "+Short(r.DeleteAfter), "want a time above 0, such as 720h; leave the key out to keep disabled accounts")
	case !r.OnDelete.Disables() && !r.OnLeave.Disables():
		l.fault(key, "needs on_delete or on_leave: disable: without, no account is disabled that could be deleted later", "set "+s.key("on_delete")+" to disable, where the vendor can disable accounts, or leave "+key+" out")
	}
}

func (l *loader) checkMay(key string, may May) {
	if may != nil && len(may) == 0 {
		l.fault(key, "is empty", "want one or more of: "+strings.Join(Changes(), ", ")+"; for a vendor without changes, set mode to shadow or off")
	}
	for _, change := range may {
		if !slices.Contains(Changes(), change) {
			l.fault(key, "has "+quote(change)+", which is no kind of change", withNearest(change, Changes(), "want one of: "+strings.Join(Changes(), ", ")))
		}
	}
}

func (l *loader) checkStart(key string, s Start) {
	const want = "want all, now, or a time such as 2026-09-01T00:00:00Z"
	if s.All() || s == StartNow {
		return
	}
	switch at, err := s.Time(); {
	case err != nil:
		l.fault(key, "cannot be "+quote(string(s)), want)
	case at.After(time.Now()):
		l.fault(key, "is in the future", "want a time that has passed, or now")
	}
}
