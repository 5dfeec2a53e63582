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

// builder compiles the rules of a sender and collects faults.
type builder struct {
	config Config // of the rule at work
	prefix string // of keys in faults
	newEnv envMaker
	env    *cel.Env
	ours   map[string]schema // by our types
	faults []error
}

// schema is the part of a JSON Schema that a mapping needs.
type schema struct {
	Required   []string
	Properties map[string]struct{ Type, Format string }
}

func newBuilder(newEnv envMaker) (*builder, error) {
	b := &builder{newEnv: newEnv, ours: map[string]schema{}}
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
	b.faults = append(b.faults, &Error{Key: b.prefix + key, Problem: fmt.Sprintf(format, args...)})
}

// rule compiles one rule.
func (b *builder) rule(c Config) (*rule, error) {
	b.config = c
	b.prefix = ""
	if c.Name != "" {
		b.prefix = c.Name + "."
	}
	x := &rule{name: c.Name}
	var err error
	if b.env, err = b.newEnv(); err != nil {
		return nil, err
	}
	if c.Each != "" {
		x.each = b.optional("each", c.Each, listForm)
		if b.env, err = b.newEnv(itemVariables...); err != nil {
			return nil, err
		}
	}
	x.kind = b.required("type", c.Type, textForm)
	x.id = b.optional("id", c.ID, textForm)
	x.named = x.id != nil && x.id.program.Uses("item")
	x.time = b.optional("time", c.Time, timeForm)
	x.types = b.allTypes()
	return x, nil
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
	x, err := compile(b.env, b.prefix+key, text, f)
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
