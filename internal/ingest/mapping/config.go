package mapping

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Config maps the payloads of one sender to events. All values except those of Types are CEL
// expressions over body, the payload, and header, the HTTP headers by lower-case name:
//
//	body.data.id                          a member that is always present
//	body.data.?phone                      a member that may be missing
//	body.resource + "." + body.action     concatenation
//	header["x-shopify-topic"]             a header
//	body.data.email_addresses.filter(a, a.id == body.data.primary_email_address_id)[0].email_address
//
// A constant text has quotes inside the quotes of YAML: '"lead"'.
type Config struct {
	// Name is a part of the ids of the events, and distinguishes the rules of one sender.
	Name string `yaml:"name"`
	// Each is a list in the payload: the rule makes an event of each element. The other
	// expressions then know the element as item, and its position as index. Default: one event.
	Each string `yaml:"each"`
	// Type is the sender's type, such as body.type.
	Type string `yaml:"type"`
	// Types maps the sender's types to our event types. Deliveries of other types are ignored.
	Types map[string]string `yaml:"types"`
	// ID is the id of the delivery, equal for every attempt. Default: the id of the signature
	// scheme, if any. Events of a list have the id and their position, unless ID uses item.
	ID string `yaml:"id"`
	// Time is the time of the event: RFC 3339, or Unix time in seconds or, from 1e11 on, in
	// milliseconds. Default: events without a time.
	Time string `yaml:"time"`
	// Data maps members of the event's data to expressions, for all types. A type without the
	// member ignores the expression.
	Data map[string]string `yaml:"data"`
	// DataByType maps the sender's type and a member to an expression. DataByType overrides
	// Data; null leaves a member out.
	DataByType map[string]map[string]string `yaml:"data_by_type"`
}

// configKeys are the keys of a Config.
var configKeys = []string{"name", "each", "type", "types", "id", "time", "data", "data_by_type"}

// UnmarshalYAML rejects unknown keys, with the line.
func (c *Config) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Tag != "!!merge" && !slices.Contains(configKeys, key.Value) {
				return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: unknown key %s: the keys are %q", key.Line, key.Value, configKeys)}}
			}
		}
	}
	type plain Config
	return n.Decode((*plain)(c))
}

// Rules are the rules of one sender: one mapping, or a list of mappings. Each rule is applied to
// every delivery.
type Rules []Config

// UnmarshalYAML reads one mapping or a list of mappings.
func (r *Rules) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]Config)(r))
	}
	*r = make(Rules, 1)
	return n.Decode(&(*r)[0])
}
