package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/schemas"
)

// field is the input for one member of the data of an event.
type field struct {
	Name     string
	About    string
	Input    string // type of the input; textarea for JSON
	Kind     string // in the schema: string, object …
	Format   string
	Most     int // characters; zero: any
	Required bool
	Value    string
	Wrong    string // fault of the value
}

// Label returns the name in words.
func (f field) Label() string { return words(f.Name) }

// property is a member in a schema.
type property struct {
	Type        string `json:"type"`
	Description string `json:"description"`
	Format      string `json:"format"`
	MaxLength   int    `json:"maxLength"`
}

// fieldsOf returns the fields for the schema of a type, in the order of the schema.
func fieldsOf(kind string) ([]field, error) {
	text, err := schemas.JSON(kind)
	if err != nil {
		return nil, err
	}
	var schema struct {
		Required   []string        `json:"required"`
		Properties json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", kind, err)
	}
	var list []field
	dec := json.NewDecoder(bytes.NewReader(schema.Properties))
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", kind, err)
	}
	for dec.More() {
		name, err := dec.Token()
		var p property
		if err = errors.Join(err, dec.Decode(&p)); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", kind, err)
		}
		list = append(list, field{
			Name: fmt.Sprint(name), About: p.Description, Kind: p.Type, Format: p.Format, Most: p.MaxLength,
			Input: inputOf(p), Required: slices.Contains(schema.Required, fmt.Sprint(name)),
		})
	}
	return list, nil
}

// inputOf returns the type of the input for a member.
func inputOf(p property) string {
	inputs := map[string]string{"email": "email", "date": "date", "date-time": "datetime-local"}
	switch {
	case p.Type == "string" && inputs[p.Format] != "":
		return inputs[p.Format]
	case p.Type == "string":
		return "text"
	case p.Type == "integer", p.Type == "number":
		return "number"
	default:
		return "textarea"
	}
}

// fill fills the fields with the sent values, and returns the data. Faults are set in the fields;
// then ok is false.
func fill(list []field, sent url.Values) (data map[string]any, ok bool) {
	data, ok = map[string]any{}, true
	for i := range list {
		f := &list[i]
		f.Value = strings.TrimSpace(sent.Get("data." + f.Name))
		if f.Value == "" {
			continue
		}
		value, err := f.read()
		if err != nil {
			f.Wrong, ok = err.Error(), false
			continue
		}
		data[f.Name] = value
	}
	return data, ok
}

// read returns the value for the data.
func (f *field) read() (any, error) {
	switch {
	case f.Kind != "string":
		var value any
		dec := json.NewDecoder(strings.NewReader(f.Value))
		dec.UseNumber()
		if err := dec.Decode(&value); err != nil || dec.More() {
			return nil, errors.New(`send JSON, such as {"team": "red"}`)
		}
		return value, nil
	case f.Format == "date-time":
		for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
			if t, err := time.Parse(layout, f.Value); err == nil {
				return t.Format(time.RFC3339), nil
			}
		}
	}
	return f.Value, nil
}

// blame sets a fault of the data in its field, and reports whether there is such a field.
func blame(list []field, wrong *events.InvalidError) bool {
	for i := range list {
		at := "/data/" + list[i].Name
		if wrong.Pointer == at || strings.HasPrefix(wrong.Pointer, at+"/") {
			list[i].Wrong = strings.TrimPrefix(wrong.Pointer, at) + " " + wrong.Detail
			list[i].Wrong = strings.TrimSpace(list[i].Wrong)
			return true
		}
	}
	return false
}
