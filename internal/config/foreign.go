package config

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Foreign maps CloudEvents of another system to events.
type Foreign struct {
	Types   []string  `yaml:"types"`   // CloudEvents types to map
	Sources []string  `yaml:"sources"` // CloudEvents sources to map; default any
	Event   yaml.Node `yaml:"event"`   // mapping of a CloudEvent to an event
}

// UnmarshalYAML rejects unknown keys.
func (f *Foreign) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "types", "sources", "event"); err != nil {
		return err
	}
	type plain Foreign
	return n.Decode((*plain)(f))
}

// Foreigns are the mappings of CloudEvents by a name.
type Foreigns map[string]Foreign

// String returns the names.
func (f Foreigns) String() string { return strings.Join(slices.Sorted(maps.Keys(f)), ", ") }
