package mapping

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Config says how one sender's payloads become events. Its values, but for those
// of Types, are expressions in CEL over body, the payload, and header, the HTTP
// headers by names in small letters:
//
//	body.data.id                          a member that is always there
//	body.data.?phone                      one that may be missing
//	body.resource + "." + body.action     text, put together
//	header["x-shopify-topic"]             a header
//	body.data.email_addresses.filter(a, a.id == body.data.primary_email_address_id)[0].email_address
//
// Fixed text has quotes of its own, since YAML takes one pair away: '"lead"'.
type Config struct {
	// Type is where the sender's type stands, as body.type.
	Type string `yaml:"type"`
	// Types is the sender's type → ours. Deliveries of other types are ignored.
	Types map[string]string `yaml:"types"`
	// ID is what names the delivery, the same on every try. Default: the id that
	// the signature's scheme has, if it has one.
	ID string `yaml:"id"`
	// Time is when it happened: RFC 3339, or Unix time in seconds or, from 1e11 on,
	// in milliseconds. Default: the events have no time.
	Time string `yaml:"time"`
	// Data is member of the event's data → expression, for all types. A type of ours
	// that does not have the member goes without it.
	Data map[string]string `yaml:"data"`
	// DataByType is the sender's type → member → expression, for one type. It goes
	// before Data; null leaves a member of Data out.
	DataByType map[string]map[string]string `yaml:"data_by_type"`
}

// UnmarshalYAML refuses keys that there are not, with their line.
func (c *Config) UnmarshalYAML(n *yaml.Node) error {
	known := []string{"type", "types", "id", "time", "data", "data_by_type"}
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Tag != "!!merge" && !slices.Contains(known, key.Value) {
				return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: unknown key %s: the keys are %q", key.Line, key.Value, known)}}
			}
		}
	}
	type plain Config
	return n.Decode((*plain)(c))
}
