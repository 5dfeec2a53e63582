package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/usherhq/usher/internal/rules"
)

// Scope is an expression over user and event: whether the user has an account at the vendor.
type Scope string

// Map has the expressions for the fields of an account, by field: email, first_name, last_name,
// locale, time_zone, phone, and attributes.<name>.
type Map map[string]rules.Field

// String returns the expressions as JSON; empty without expressions.
func (m Map) String() string {
	if len(m) == 0 {
		return ""
	}
	text, err := json.Marshal(map[string]rules.Field(m))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Expressions returns the expressions of the rules.
func (r Rules) Expressions() rules.Config {
	return rules.Config{Scope: string(r.Scope), Map: r.Map}
}

// checkExpressions compiles the rules scope and map. A member of the user that no schema has is
// only a warning, since events may have further members.
func (l *loader) checkExpressions(s Section) {
	c := s.Rules.Expressions()
	if c.Empty() {
		return
	}
	set, err := rules.New(c)
	if err != nil {
		l.ruleFaults(s, err)
		return
	}
	known, err := rules.Members()
	if err != nil {
		l.fault(s.key("scope"), err.Error(), "report this")
		return
	}
	names := set.Names()
	for _, key := range sorted(names) {
		for _, name := range names[key] {
			if slices.Contains(known, name) {
				continue
			}
			text := fmt.Sprintf("%s: no schema of an event has user.%s", l.place(s, key), name)
			if near := nearest(name, known); near != "" {
				text += "; did you mean user." + near + "?"
			}
			l.warn(text)
		}
	}
}

// ruleFaults records the faults of rules.New.
func (l *loader) ruleFaults(s Section, err error) {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, err := range list {
		f := &rules.FaultError{Key: "scope", Problem: err.Error()}
		errors.As(err, &f)
		key := s.key(f.Key)
		l.faultAt(cmp.Or(l.config.lines[key], l.config.origins[key]), key, f.Problem, f.Fix, nil)
	}
}

// place returns the line and the key of a rule.
func (l *loader) place(s Section, key string) string {
	full := s.key(key)
	if line := l.config.lines[full]; line != "" {
		return line + ": " + full
	}
	return full
}
