package schemas

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/usherhq/usher/events"
)

// Validate checks e's type and its data, which must be JSON, against the type's
// schema. An error is an *events.InvalidError that points below /data and names
// the rule; of several, the first by pointer, then by rule. It never holds a
// value. A dataschema that names another schema changes nothing.
//
// A member whose name differs from one of the schema's in case only is refused:
// encoding/json would read it as that member, unchecked.
func (s *Set) Validate(e events.Event) error {
	if !slices.Contains(events.Types(), e.Type()) {
		return refuse("/type", events.RuleType, "send one of "+strings.Join(events.Types(), ", "))
	}
	return s.validate(e.Type(), e)
}

// ValidateResult checks the data of a result, as Validate does that of a request.
func (s *Set) ValidateResult(e events.Event) error {
	if !slices.Contains(events.ResultTypes(), e.Type()) {
		return refuse("/type", events.RuleType, "send one of "+strings.Join(events.ResultTypes(), ", "))
	}
	return s.validate(events.ResultSchema, e)
}

// validate checks e's data against the schema of that name.
func (s *Set) validate(name string, e events.Event) error {
	if !events.IsJSON(e.DataContentType()) || e.DataBase64 {
		return refuse("/datacontenttype", events.RuleMediaType, "send data as application/json")
	}
	if len(e.Data()) == 0 {
		return refuse("/data", events.RuleRequired, "send data: a JSON object")
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data()))
	if err != nil {
		return refuse("/data", events.RuleJSON, "send data that is JSON")
	}
	c := s.byName[name]
	if broken, ok := errors.AsType[*jsonschema.ValidationError](c.schema.Validate(data)); ok {
		return first(faults(broken, nil))
	}
	object, _ := data.(map[string]any)
	return c.checkCase(object)
}

// checkCase refuses names that a decoder would take for the schema's.
func (c contract) checkCase(object map[string]any) error {
	var found []*events.InvalidError
	for name := range object {
		for _, ours := range c.members {
			if name != ours && strings.EqualFold(name, ours) {
				found = append(found, refuse("/data/"+name, events.RuleNameCase, "write the name as "+ours))
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return first(found)
}

// refuse returns an InvalidError.
func refuse(pointer, rule, detail string) *events.InvalidError {
	return &events.InvalidError{Pointer: pointer, Rule: rule, Detail: detail}
}

// first returns the least error by pointer, then by rule.
func first(all []*events.InvalidError) *events.InvalidError {
	return slices.MinFunc(all, func(a, b *events.InvalidError) int {
		if n := strings.Compare(a.Pointer, b.Pointer); n != 0 {
			return n
		}
		return strings.Compare(a.Rule, b.Rule)
	})
}

// faults appends an InvalidError for every leaf of the library's tree of errors.
func faults(e *jsonschema.ValidationError, to []*events.InvalidError) []*events.InvalidError {
	for _, cause := range e.Causes {
		to = faults(cause, to)
	}
	if len(e.Causes) > 0 {
		return to
	}
	where := append([]string{"data"}, e.InstanceLocation...)
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			to = append(to, refuse(pointer(append(slices.Clone(where), name)), "schema:required", "send this member"))
		}
		return to
	}
	rule := "schema"
	if path := e.ErrorKind.KeywordPath(); len(path) > 0 {
		rule = "schema:" + path[0]
	}
	return append(to, refuse(pointer(where), rule, advice(e.ErrorKind)))
}

// pointer returns the JSON pointer of a path (RFC 6901).
func pointer(path []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, segment := range path {
		b.WriteByte('/')
		b.WriteString(escape.Replace(segment))
	}
	return b.String()
}

// advice says what to do about a broken rule. It tells only what the schema
// wants, never what the event has.
func advice(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "send a value of type " + strings.Join(k.Want, " or ")
	case *kind.Format:
		return "send a valid " + k.Want
	case *kind.Pattern:
		return "send a string that matches " + k.Want
	case *kind.MinLength:
		return fmt.Sprintf("send at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("send at most %d characters", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("send at most %d members", k.Want)
	case *kind.Enum:
		return fmt.Sprintf("send one of %v", k.Want)
	default:
		return "see the schema at the dataschema of this type"
	}
}
