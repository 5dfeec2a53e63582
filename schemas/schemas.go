// Package schemas holds the contracts: the JSON Schemas (2020-12) of all event
// data and of results, and the descriptions of the vendors' APIs. A schema's $id
// is the dataschema of the events that follow it.
package schemas

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usherhq/usher/events"
)

//go:embed event/*.json
var eventFiles embed.FS

// ID returns the $id of the schema of a type's data. The name of the schema of
// results is events.ResultSchema.
func ID(typ string) string { return events.SchemaID(typ) }

// JSON returns the schema of a type's data, or of events.ResultSchema, as it is
// published.
func JSON(typ string) ([]byte, error) {
	if !slices.Contains(names(), typ) {
		return nil, fmt.Errorf("no schema for %q: there are %s", typ, strings.Join(names(), ", "))
	}
	return eventFiles.ReadFile("event/" + typ + ".json")
}

// names returns the names of all schemas.
func names() []string { return append(events.Types(), events.ResultSchema) }

// Set holds the compiled schemas. It is safe for concurrent use.
type Set struct {
	byName map[string]contract
}

// contract is one schema and the names of its members, sorted.
type contract struct {
	schema  *jsonschema.Schema
	members []string
}

// New compiles the schemas, which takes some milliseconds. It fails only where an
// embedded schema is broken.
func New() (*Set, error) {
	c := jsonschema.NewCompiler()
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: dateTime})
	c.AssertFormat()
	c.UseRegexpEngine(pattern)
	set := &Set{byName: make(map[string]contract)}
	for _, name := range names() {
		compiled, err := compile(c, name)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		set.byName[name] = compiled
	}
	return set, nil
}

// compile reads and compiles one schema.
func compile(c *jsonschema.Compiler, name string) (contract, error) {
	text, err := JSON(name)
	if err != nil {
		return contract{}, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return contract{}, err
	}
	if err := c.AddResource(ID(name), doc); err != nil {
		return contract{}, err
	}
	schema, err := c.Compile(ID(name))
	if err != nil {
		return contract{}, err
	}
	members := make([]string, 0, len(schema.Properties))
	for member := range schema.Properties {
		members = append(members, member)
	}
	slices.Sort(members)
	return contract{schema, members}, nil
}

// dateTime takes RFC 3339 by events.ParseTime, with T and Z in capitals: what
// encoding/json can read into a time. The library's own check lets more pass.
func dateTime(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	if s != strings.ToUpper(s) {
		return errors.New("small t or z")
	}
	_, err := events.ParseTime(s)
	return err
}
