package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/schemas"
)

// builder compiles a Config and collects faults.
type builder struct {
	config Config
	env    *cel.Env
	ours   map[string]schema // by our types
	faults []error
}

// schema is the part of a JSON Schema that a mapping needs.
type schema struct {
	Required   []string
	Properties map[string]struct{ Type, Format string }
}

func newBuilder(c Config) (*builder, error) {
	env, err := newEnv()
	if err != nil {
		return nil, err
	}
	b := &builder{config: c, env: env, ours: map[string]schema{}}
	for _, name := range events.Types() {
		text, err := schemas.JSON(name)
		if err != nil {
			return nil, err
		}
		var s schema
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		b.ours[name] = s
	}
	return b, nil
}

func (b *builder) fault(key, format string, args ...any) {
	b.faults = append(b.faults, &Error{Key: key, Problem: fmt.Sprintf(format, args...)})
}

// required compiles a required expression.
func (b *builder) required(key, text string, f form) *keyed {
	if text == "" {
		b.fault(key, "is missing: set an expression such as body.%s", key)
		return nil
	}
	return b.optional(key, text, f)
}

// optional compiles an expression, or returns nil for "".
func (b *builder) optional(key, text string, f form) *keyed {
	if text == "" {
		return nil
	}
	x, err := compile(b.env, key, text, f)
	if err != nil {
		b.faults = append(b.faults, err)
	}
	return x
}

// allTypes compiles the data of every type.
func (b *builder) allTypes() map[string]*dataOfType {
	if len(b.config.Types) == 0 {
		b.fault("types", "is missing: set which of the sender's types becomes which of %s", ourTypes())
	}
	for _, theirs := range slices.Sorted(maps.Keys(b.config.DataByType)) {
		if b.config.Types[theirs] == "" {
			b.fault("data_by_type."+theirs, "is no type of the sender's in types: add it there, or remove it here")
		}
	}
	b.checkShared()
	types := map[string]*dataOfType{}
	for _, theirs := range slices.Sorted(maps.Keys(b.config.Types)) {
		ours := b.config.Types[theirs]
		s, ok := b.ours[ours]
		if !ok {
			b.fault("types."+theirs, "becomes %q, which is no type of ours: use one of %s", ours, ourTypes())
			continue
		}
		types[theirs] = &dataOfType{ours: ours, members: b.members(theirs, ours, s)}
	}
	return types
}

// checkShared rejects shared members that no type has.
func (b *builder) checkShared() {
	known := map[string]bool{}
	for _, ours := range b.config.Types {
		for name := range b.ours[ours].Properties {
			known[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.config.Data)) {
		if !known[name] {
			b.fault("data."+name, "no type in types has this member: they have %s", list(known))
		}
	}
}

// members compiles the data of one type: the expressions of the type, and the shared
// expressions.
func (b *builder) members(theirs, ours string, s schema) []member {
	for _, name := range slices.Sorted(maps.Keys(b.config.DataByType[theirs])) {
		if _, ok := s.Properties[name]; !ok {
			b.fault("data_by_type."+theirs+"."+name, "%s has no such member: it has %s", ours, list(s.Properties))
		}
	}
	var members []member
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		key, text := b.find(theirs, name)
		m := member{name: name, form: formOf(s.Properties[name].Type, s.Properties[name].Format), required: slices.Contains(s.Required, name)}
		if text == "" {
			if m.required {
				b.fault(key, "is missing: %s needs it, from an expression such as body.data.%s", ours, name)
			}
			continue
		}
		if m.value = b.optional(key, text, m.form); m.value != nil {
			members = append(members, m)
		}
	}
	return members
}

// find returns the expression of a member, with its key.
func (b *builder) find(theirs, name string) (key, text string) {
	if text, ok := b.config.DataByType[theirs][name]; ok {
		return "data_by_type." + theirs + "." + name, text
	}
	return "data." + name, b.config.Data[name]
}

func ourTypes() string { return strings.Join(events.Types(), ", ") }

// list returns the keys of a map in order.
func list[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
