package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// instanceName is the form of the name of a further instance: the form that the schema of
// enrollment.requested allows for vendors. The name is a token in subjects and keys.
var instanceName = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)

// reserved returns the names with another use: the parts of the configuration, whose variables
// would be the variables of the instance, among them webhooks, the place of dead letters of
// deliveries; events, the place of dead letters of events; and the variables that are no settings.
func reserved() []string {
	list := []string{"actor", "config", "events"}
	for field := range reflect.TypeFor[Config]().Fields() {
		list = append(list, field.Tag.Get("yaml"))
	}
	return list
}

// instance is a section of the file below vendors.
type instance struct {
	name *yaml.Node
	kind *yaml.Node // nil: none
	file *yaml.Node // the setting file; nil: none
}

// instances adds the sections of further instances in a file to the vendors: a section with a
// kind, and a name that is no kind. Faults are recorded.
func (l *loader) instances(root *yaml.Node, path string, from Sources) {
	make, kinds := from.Instance, append(names(l.config.Vendors), from.Kinds...)
	for _, one := range sectionsOf(root) {
		name := one.name.Value
		key, at := "vendors."+name, func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", path, n.Line) }
		known := slices.Contains(kinds, name)
		l.inFile[name] = true
		switch {
		case one.kind == nil && !known:
			l.faultAt(at(one.name), key, "unknown key", withNearest(name, kinds, "set kind below "+key+" to one of: "+strings.Join(kinds, ", ")), nil)
		case one.kind == nil:
		case !slices.Contains(kinds, one.kind.Value):
			l.faultAt(at(one.kind), key+".kind", "is no kind of vendor: "+quote(one.kind.Value), withNearest(one.kind.Value, kinds, "want one of: "+strings.Join(kinds, ", ")), nil)
			l.faulty[key] = true
		case known && name != one.kind.Value:
			l.faultAt(at(one.kind), key+".kind", "cannot be "+quote(one.kind.Value)+": "+name+" is a kind itself", "give the instance another name", nil)
		case known:
		case !instanceName.MatchString(name):
			l.faultAt(at(one.name), key, "cannot be the name of a vendor", "want lower-case letters and digits, a letter first, at most 32", nil)
		case slices.Contains(reserved(), name):
			l.faultAt(at(one.name), key, "cannot be the name of a vendor: "+name+" has another meaning", "give the instance another name", nil)
		case make == nil:
			l.faultAt(at(one.name), key, "is a further instance, and this program has none", "remove the section", nil)
		case slices.Contains(names(l.config.Vendors), name): // a repeated key, reported by the walk
		default:
			s := make(one.kind.Value, name)
			s.Rules.Kind = one.kind.Value
			l.describe(s, one, path)
			l.config.Vendors = append(l.config.Vendors, s)
		}
	}
}

// describe reads the file that declares the settings of an instance, if the kind has one. Faults of
// the file are recorded with their own places.
func (l *loader) describe(s Section, one instance, path string) {
	d, ok := s.Settings.(Described)
	if !ok {
		return
	}
	key := s.key("file")
	if one.file == nil || one.file.Value == "" {
		l.faultAt(fmt.Sprintf("%s:%d", path, one.kind.Line), key, "is missing: the kind "+one.kind.Value+" is described by a file", "set "+key+" to the path of the file", nil)
		l.opaque[s.key("")] = true
		return
	}
	err := d.Describe(filepath.Dir(path), one.file.Value)
	if err == nil {
		return
	}
	l.opaque[s.key("")] = true
	faults := located(err)
	for _, f := range faults {
		at, inner, problem, fix := f.Located()
		l.faults = append(l.faults, &Error{Key: inner, At: at, Problem: problem, Fix: fix, Err: f})
	}
	if len(faults) == 0 {
		l.faultAt(fmt.Sprintf("%s:%d", path, one.file.Line), key, err.Error(), "name the description of an API, relative to the folder of this file", err)
	}
}

// located returns the faults of another file in an error.
func located(err error) []Located {
	type joined interface {
		error
		Unwrap() []error
	}
	if many, ok := errors.AsType[joined](err); ok {
		var out []Located
		for _, e := range many.Unwrap() {
			out = append(out, located(e)...)
		}
		return out
	}
	if one, ok := errors.AsType[Located](err); ok {
		return []Located{one}
	}
	return nil
}

// withNearest returns a correction for a misspelled name: the nearest name if there is one, and
// otherwise the given text.
func withNearest(name string, known []string, otherwise string) string {
	if near := nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}

// sectionsOf returns the sections below vendors in a file, also of merged mappings.
func sectionsOf(root *yaml.Node) (list []instance) {
	for _, top := range entries(root, nil) {
		if top.name.Value != "vendors" {
			continue
		}
		for _, section := range entries(top.value, nil) {
			one := instance{name: section.name}
			for _, setting := range entries(section.value, nil) {
				if setting.name.Value == "kind" && setting.value.Tag != "!!null" {
					one.kind = setting.value
				}
				if setting.name.Value == "file" && setting.value.Tag != "!!null" {
					one.file = setting.value
				}
			}
			list = append(list, one)
		}
	}
	return list
}

// pair is an entry of a mapping.
type pair struct{ name, value *yaml.Node }

// entries returns the entries of a mapping: merged entries first, so that an own entry follows
// an overridden one. open has the mappings on the path of the walk.
func entries(n *yaml.Node, open []*yaml.Node) (merged []pair) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if slices.Contains(open, n) {
		return nil
	}
	open = append(open, n)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	var own []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			merged = append(merged, entries(n.Content[i+1], open)...)
			continue
		}
		own = append(own, pair{n.Content[i], n.Content[i+1]})
	}
	return append(merged, own...)
}

// names returns the names of sections.
func names(list []Section) (out []string) {
	for _, s := range list {
		out = append(out, s.Name)
	}
	return out
}

// checkTwins warns about two vendors of one kind with the same address and credentials: each
// event would be carried out twice at one account of the vendor.
func (l *loader) checkTwins() {
	on := l.config.On()
	seen := map[string]string{}
	for _, s := range l.config.Vendors {
		if !slices.Contains(on, s.Name) {
			continue
		}
		mark := s.KindName() + "\x00" + s.Settings.Common().BaseURL
		for _, name := range s.Settings.Needs().Credentials {
			mark += "\x00" + fmt.Sprint(l.settings[s.key(name)].reveal())
		}
		if first, twin := seen[mark]; twin {
			l.warn(first + " and " + s.Name + " have the same address and credentials: both change the same accounts")
		}
		seen[mark] = s.Name
	}
}

// checkLeftBehind warns about a vendor that only variables turn on, at the default address, beside an
// instance of the kind in the file: after a rename in the file alone, the variables still turn on the
// former name, without the former address.
func (l *loader) checkLeftBehind() {
	on := l.config.On()
	for _, s := range l.config.Vendors {
		if s.Name != s.KindName() || l.inFile[s.Name] || !slices.Contains(on, s.Name) || l.config.origins[s.key("base_url")] != "" {
			continue
		}
		var set, others []string
		for _, name := range s.Settings.Needs().Credentials {
			set = append(set, l.config.origins[s.key(name)])
		}
		for _, other := range l.config.Vendors {
			if other.Name != s.Name && other.KindName() == s.Name {
				others = append(others, other.Name)
			}
		}
		if len(others) == 0 {
			continue
		}
		address := s.Settings.Common().BaseURL
		l.warn(fmt.Sprintf("%s is on by %s alone, at %s, beside %s of the same kind in the file: after a rename, rename the variables too; otherwise set vendors.%s.base_url",
			s.Name, strings.Join(set, ", "), address, strings.Join(others, ", "), s.Name))
	}
}
