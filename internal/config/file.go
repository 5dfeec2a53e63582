package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/internal/yamlfault"
)

const (
	defaultFile = "usher.yaml"
	pathVar     = prefix + "CONFIG"
)

// parse returns the document in the file at path, or in the default file if one exists; nil
// without a document.
func (l *loader) parse(path string) (string, *yaml.Node) {
	optional := false
	if path == "" {
		path = l.environ[pathVar]
	}
	if path == "" {
		path, optional = defaultFile, true
	}
	text, err := bounded.ReadFile(path, bounded.SettingsFile)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		l.faultAt("", "", fmt.Sprintf("the configuration file cannot be read: %v", err), "set --config to a file that exists", err)
		return path, nil
	}
	root, err := parse(text)
	if err != nil {
		l.faultAt(path, "", err.Error(), "the file must be one YAML document", err)
	}
	return path, root
}

// file applies a document, if there is one.
func (l *loader) file(path string, root *yaml.Node) {
	if root != nil {
		f := fileReader{loader: l, path: path, known: l.prefixes(), open: map[*yaml.Node]bool{}}
		f.mapping(root, "")
	}
}

// parse returns the only document in text, or nil for an empty file.
func parse(text []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		line, said := yamlfault.Of(err, text)
		return nil, fmt.Errorf("not YAML: line %d: %s", line, said)
	}
	if !errors.Is(dec.Decode(&second), io.EOF) {
		return nil, errors.New("has more than one document")
	}
	root := doc.Content[0]
	if root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// prefixes returns the known names at each level: path → names.
func (l *loader) prefixes() map[string][]string {
	seen := map[string]bool{}
	out := map[string][]string{}
	for _, key := range slices.Concat(sorted(l.settings), sorted(l.rules)) {
		for key != "" && !seen[key] {
			seen[key] = true
			parent, name := "", key
			if i := strings.LastIndexByte(key, '.'); i >= 0 {
				parent, name = key[:i], key[i+1:]
			}
			out[parent] = append(out[parent], name)
			key = parent
		}
	}
	return out
}

// fileReader applies a file. The nodes are walked separately, instead of decoded into Config,
// so every fault has a key and a line.
type fileReader struct {
	*loader
	path  string
	known map[string][]string
	open  map[*yaml.Node]bool // mappings on the path of the walk, to stop at a mapping inside itself
}

// mapping applies everything below path.
func (f fileReader) mapping(n *yaml.Node, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode || f.open[n] {
		f.faultAt(f.at(n), path, "cannot be one value", "want settings below this key: "+strings.Join(f.known[path], ", "), nil)
		return
	}
	f.open[n] = true
	defer delete(f.open, n)
	f.merges(n, path)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Tag == "!!merge":
		case seen[key.Value]:
			f.faultAt(f.at(key), join(path, key.Value), "is repeated", "keep one of them", nil)
		default:
			f.entry(key, value, path)
		}
		seen[key.Value] = true
	}
}

// merges applies the mappings of <<, before the overriding keys.
func (f fileReader) merges(n *yaml.Node, path string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			f.mapping(n.Content[i+1], path)
		}
	}
}

// entry applies one key of the mapping at path.
func (f fileReader) entry(key, value *yaml.Node, path string) {
	full := join(path, key.Value)
	s, leaf := f.settings[full]
	rule, isRule := f.rules[full]
	switch {
	case isRule && !leaf, isRule && slices.Contains(modes, value.Value): // a vendor may have a mode of its own
		f.leaf(rule, value)
	case isRule && value.Kind == yaml.SequenceNode:
		for _, one := range value.Content {
			f.entry(key, one, path)
		}
	case leaf:
		f.leaf(s, value)
	case f.known[full] != nil:
		f.mapping(value, full)
	default:
		f.unknown(key, path)
	}
}

// leaf applies the value of one setting. null leaves the value unchanged.
func (f fileReader) leaf(s setting, value *yaml.Node) {
	if value.Tag == "!!null" {
		return
	}
	if err := value.Decode(s.value.Addr().Interface()); err != nil {
		f.faultAt(f.at(value), s.key, f.problem(s, value, err), "want "+s.want(), nil)
		return
	}
	f.config.origins[s.key] = f.at(value)
	f.note(value, s.key)
}

// problem returns why value does not fit s. For a value with parts, the reason is the YAML
// error with the line of the part.
func (f fileReader) problem(s setting, value *yaml.Node, err error) string {
	if s.secret() || value.Kind == yaml.ScalarNode {
		return unfit(s, value.Value)
	}
	if parts, ok := errors.AsType[*yaml.TypeError](err); ok {
		return "cannot be read: " + kinds(strings.Join(parts.Errors, ", "))
	}
	return "cannot be a list or a map"
}

// kinds returns which kind of value the parser found instead of another.
func kinds(text string) string {
	found := regexp.MustCompile("cannot unmarshal !!(\\w+)(?: `[^`]*`)? into [^ ,]+")
	return found.ReplaceAllStringFunc(text, func(part string) string {
		kind := found.FindStringSubmatch(part)[1]
		words := map[string]string{"map": "a map", "seq": "a list", "str": "a text", "int": "a number", "float": "a number", "bool": "true or false"}
		return "cannot be " + cmp.Or(words[kind], kind)
	})
}

// note records the line of everything at and below key, for later faults.
func (f fileReader) note(n *yaml.Node, key string) {
	f.config.lines[key] = f.at(n)
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f.note(n.Content[i+1], join(key, n.Content[i].Value))
	}
}

// retired has the settings of former versions, with the reason for removing each.
var retired = map[string]string{
	"worker.hold_after": "a vendor is put on hold by the share of users who fail",
}

// renamed has the settings with another name in former versions, with the present names. Such a
// setting is a fault: ignored, it would change what Usher does.
var renamed = map[string]string{
	"nats.effects_ttl": "activity.memory",
}

func (f fileReader) unknown(key *yaml.Node, path string) {
	if f.opaque[path+"."] {
		return
	}
	if now, ok := renamed[join(path, key.Value)]; ok {
		f.faultAt(f.at(key), join(path, key.Value), "is now "+now, "write "+now+" in its place, with the same value", nil)
		return
	}
	if why, ok := retired[join(path, key.Value)]; ok {
		f.warn(fmt.Sprintf("%s: %s: no longer read: %s; remove it", f.at(key), join(path, key.Value), why))
		return
	}
	fix := "remove it"
	if near := nearest(key.Value, f.known[path]); near != "" {
		fix = "did you mean " + near + "?"
	}
	f.faultAt(f.at(key), join(path, key.Value), "unknown key", fix, nil)
}

func (f fileReader) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", f.path, n.Line) }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
