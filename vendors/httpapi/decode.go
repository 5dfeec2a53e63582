package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/internal/spelling"
	"github.com/usherhq/usher/internal/yamlfault"
)

// maxFile bounds a file in bytes; maxLevels its levels.
const (
	maxFile   = 256 << 10
	maxLevels = 32
)

// reader reads the nodes of a file into the types of the form, and collects faults.
type reader struct {
	file   string
	faults []*Fault
	lines  map[string]int // by key
}

// ofKey stands for the line of the key of a fault.
const ofKey = 0

// fault reports a mistake. ofKey becomes the line of the key, or of the key above.
func (r *reader) fault(line int, key, problem, fix string) {
	for at := key; line == ofKey && at != ""; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
		line = r.lines[at]
	}
	r.faults = append(r.faults, &Fault{File: r.file, Line: max(line, 1), Key: key, Problem: problem, Fix: fix})
}

// warn reports a doubt.
func (r *reader) warn(key, problem, fix string) {
	r.fault(ofKey, key, problem, fix)
	r.faults[len(r.faults)-1].Warning = true
}

// document returns the only document of a text, or nil after a fault.
func (r *reader) document(text []byte) *yaml.Node {
	if len(text) > maxFile {
		r.fault(1, "", fmt.Sprintf("the file has more than %d KiB", maxFile>>10), "describe one API in a file")
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			r.fault(1, "", "the file is empty", "begin with usher vendors new NAME")
			return nil
		}
		line, said := yamlfault.Of(err, text)
		r.fault(line, "", "not YAML: "+said, "correct the line; on a line with braces, an expression with ? , [ { or : needs quotes")
		return nil
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		r.fault(max(second.Line, 1), "", "the file has more than one document", "keep one, without ---")
		return nil
	}
	return doc.Content[0]
}

// read reads a node into out. key is the place of the node.
func (r *reader) read(n *yaml.Node, out reflect.Value, key string) {
	if strings.Count(key, ".") > maxLevels {
		r.fault(n.Line, "", "the file has more than "+strconv.Itoa(maxLevels)+" levels", "use fewer levels")
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		r.fault(n.Line, key, "uses an anchor of YAML", "write the value in each place")
		return
	}
	if r.lines[key] == 0 {
		r.lines[key] = n.Line
	}
	if ok, problem, fix := readScalar(n, out.Addr().Interface()); ok {
		if problem != "" {
			r.fault(n.Line, key, problem, fix)
		}
		return
	}
	switch {
	case out.Type() == reflect.TypeFor[Value]():
		out.Set(reflect.ValueOf(r.value(n, key)))
	case out.Type() == reflect.TypeFor[Changes]() && n.Kind == yaml.MappingNode:
		out.Set(reflect.MakeSlice(out.Type(), 1, 1))
		r.read(n, out.Index(0), key)
	case out.Kind() == reflect.Pointer:
		out.Set(reflect.New(out.Type().Elem()))
		r.read(n, out.Elem(), key)
	case out.Kind() == reflect.Struct:
		r.object(n, out, key)
	case out.Kind() == reflect.Map:
		r.mapping(n, out, key)
	case out.Kind() == reflect.Slice:
		r.list(n, out, key)
	default:
		r.plain(n, out, key)
	}
}

// plain reads a text, a number, true or false.
func (r *reader) plain(n *yaml.Node, out reflect.Value, key string) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" && n.Decode(out.Addr().Interface()) == nil {
		return
	}
	words := map[reflect.Kind]string{reflect.String: "a text", reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Float64: "a number"}
	r.fault(n.Line, key, "cannot be this value", "want "+words[out.Kind()])
}

func (r *reader) list(n *yaml.Node, out reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, key, "is no list", "begin each element with -")
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(n.Content), len(n.Content)))
	for i, one := range n.Content {
		r.read(one, out.Index(i), fmt.Sprintf("%s[%d]", key, i))
	}
}

func (r *reader) mapping(n *yaml.Node, out reflect.Value, key string) {
	out.Set(reflect.MakeMap(out.Type()))
	r.members(n, key, func(name, value *yaml.Node) {
		element := reflect.New(out.Type().Elem()).Elem()
		r.read(value, element, join(key, name.Value))
		out.SetMapIndex(reflect.ValueOf(name.Value), element)
	})
}

// object reads the members of a struct by their yaml tags.
func (r *reader) object(n *yaml.Node, out reflect.Value, key string) {
	known := fields(out)
	r.members(n, key, func(name, value *yaml.Node) {
		r.lines[join(key, name.Value)] = name.Line
		field, ok := known[name.Value]
		if !ok {
			r.fault(name.Line, join(key, name.Value), "unknown key", withNearest(name.Value, slices.Sorted(maps.Keys(known))))
			return
		}
		r.read(value, field, join(key, name.Value))
	})
}

// members calls each with the members of a mapping, once for each name.
func (r *reader) members(n *yaml.Node, key string, each func(name, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, key, "is no mapping", "write keys with values below this key")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		switch {
		case name.Kind != yaml.ScalarNode || name.Tag == "!!merge":
			r.fault(name.Line, key, "has a key that is no text", "write a name")
		case seen[name.Value]:
			r.fault(name.Line, join(key, name.Value), "is repeated", "keep one of them")
		default:
			seen[name.Value] = true
			each(name, n.Content[i+1])
		}
	}
}

// value reads the form of a JSON value.
func (r *reader) value(n *yaml.Node, key string) Value {
	v := Value{line: n.Line}
	switch {
	case strings.Count(key, ".") > maxLevels:
		r.fault(n.Line, "", "the file has more than "+strconv.Itoa(maxLevels)+" levels", "use fewer levels")
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.fault(n.Line, key, "uses an anchor of YAML", "write the value in each place")
	case n.Kind == yaml.MappingNode:
		v.members = map[string]Value{}
		r.members(n, key, func(name, value *yaml.Node) { v.members[name.Value] = r.value(value, join(key, name.Value)) })
	case n.Kind == yaml.SequenceNode:
		v.list = []Value{}
		for i, one := range n.Content {
			v.list = append(v.list, r.value(one, fmt.Sprintf("%s.%d", key, i)))
		}
	case slices.Contains([]string{"!!int", "!!float", "!!bool"}, n.Tag):
		if n.Decode(&v.literal) != nil {
			r.fault(n.Line, key, "is no number", "write digits")
		}
	default:
		if problem, fix := readExpr(n, &v.expr); problem != "" {
			r.fault(n.Line, key, problem, fix)
		}
	}
	return v
}

// fields returns the fields of a struct by their names in a file, inline structs included.
func fields(out reflect.Value) map[string]reflect.Value {
	known := map[string]reflect.Value{}
	for field, value := range out.Fields() {
		name, option, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			maps.Copy(known, fields(value))
		case name != "":
			known[name] = value
		}
	}
	return known
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// withNearest returns a correction for an unknown name.
func withNearest(name string, known []string) string {
	for _, k := range known {
		if spelling.Distance(name, k) <= 2 && len(name) > 2 || strings.EqualFold(name, k) {
			return "did you mean " + k + "?"
		}
	}
	return "want one of: " + strings.Join(known, ", ")
}
