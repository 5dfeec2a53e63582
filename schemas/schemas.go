// Package schemas holds the contracts: the JSON Schemas (2020-12) of all event data and of
// results, and OpenAPI documents of the vendors. The $id of a schema is the dataschema of its
// events.
package schemas

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usherhq/usher/events"
)

// Configuration is the JSON Schema of usher.yaml.
//
//go:embed usher.schema.json
var Configuration string

//go:embed event/*.json
var eventFiles embed.FS

// ID returns the $id of the schema of an event type, or of events.ResultSchema.
func ID(typ string) string { return events.SchemaID(typ) }

// JSON returns the schema of an event type, or of events.ResultSchema, as published. Any other
// name is an error.
func JSON(typ string) ([]byte, error) {
	if !slices.Contains(names(), typ) {
		return nil, fmt.Errorf("no schema for %q: there are %s", typ, strings.Join(names(), ", "))
	}
	if schema, own := events.OwnSchema(typ); own {
		return []byte(schema), nil
	}
	return eventFiles.ReadFile("event/" + typ + ".json")
}

// names returns the names of all schemas.
func names() []string { return append(events.Types(), events.ResultSchema) }

// Set holds the compiled schemas. A Set is safe for concurrent use.
type Set struct {
	byName map[string]contract
	known  []string // members of the schemas of all event types
}

// contract is one schema with the sorted names of its members.
type contract struct {
	schema  *jsonschema.Schema
	members []string
	plain   *plainObject // nil: the schema has further rules
}

// New compiles the schemas, within some milliseconds. An error means that an embedded schema is
// broken.
func New() (*Set, error) {
	c := jsonschema.NewCompiler()
	for name, check := range formats {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(v any) error {
			if s, ok := v.(string); ok {
				return check(s)
			}
			return nil
		}})
	}
	c.AssertFormat()
	c.UseRegexpEngine(pattern)
	set := &Set{byName: make(map[string]contract)}
	for _, name := range names() {
		compiled, err := compile(c, name)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		set.byName[name] = compiled
		if name != events.ResultSchema {
			set.known = append(set.known, compiled.members...)
		}
	}
	slices.Sort(set.known)
	set.known = slices.Compact(set.known)
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
	return contract{schema, members, newPlainObject(text)}, nil
}

// formats has the checks of texts by the name of the format.
var formats = map[string]func(string) error{"date-time": dateTime, "date": date, "email": email}

// dateTime accepts RFC 3339 by events.ParseTime, with upper-case T and Z, as encoding/json
// requires. The library's own check is more lenient.
func dateTime(s string) error {
	if s != strings.ToUpper(s) {
		return errors.New("lower-case t or z")
	}
	_, err := events.ParseTime(s)
	return err
}

// date accepts a day, such as 2026-01-31.
func date(s string) error {
	_, err := time.Parse(time.DateOnly, s)
	return err
}
