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

// Validate checks the type of e, and its data, cleaned by events.Clean, against the schema of
// the type. Data must be JSON. An error is an *events.InvalidError with a pointer below /data and the rule, the first
// by pointer and rule. The error has no value of the event. The dataschema of e is ignored.
//
// A member name that differs from a name of the schema only in case is rejected: encoding/json
// would decode such a member unchecked.
func (s *Set) Validate(e events.Event) error {
	if !events.IsType(e.Type()) {
		return refuse("/type", events.RuleType, "send one of "+strings.Join(events.Types(), ", "))
	}
	if s.byName[e.Type()].acceptsClean(e) {
		return nil
	}
	cleaned, _ := events.Clean(e)
	return s.validate(e.Type(), cleaned)
}

// ValidateResult checks the data of a result, like Validate.
func (s *Set) ValidateResult(e events.Event) error {
	if !events.IsResultType(e.Type()) {
		return refuse("/type", events.RuleType, "send one of "+strings.Join(events.ResultTypes(), ", "))
	}
	return s.validate(events.ResultSchema, e)
}

// validate checks the data of e against a schema.
func (s *Set) validate(name string, e events.Event) error {
	if !events.IsJSON(e.DataContentType()) || e.DataBase64 {
		return refuse("/datacontenttype", events.RuleMediaType, "send data as application/json")
	}
	if len(e.Data()) == 0 {
		return refuse("/data", events.RuleRequired, "send data: a JSON object")
	}
	c := s.byName[name]
	if c.accepts(e.Data()) {
		return nil
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data()))
	if err != nil {
		return refuse("/data", events.RuleJSON, "send data that is JSON")
	}
	if broken, ok := errors.AsType[*jsonschema.ValidationError](c.schema.Validate(data)); ok {
		return first(faults(broken, nil))
	}
	object, _ := data.(map[string]any)
	return c.checkCase(object)
}

// checkCase rejects names that a decoder would confuse with names of the schema.
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

// first returns the first error by pointer, then by rule.
func first(all []*events.InvalidError) *events.InvalidError {
	return slices.MinFunc(all, func(a, b *events.InvalidError) int {
		if n := strings.Compare(a.Pointer, b.Pointer); n != 0 {
			return n
		}
		return strings.Compare(a.Rule, b.Rule)
	})
}

// faults appends an InvalidError for every leaf of the library's error tree.
func faults(e *jsonschema.ValidationError, to []*events.InvalidError) []*events.InvalidError {
	for _, cause := range e.Causes {
		to = faults(cause, to)
	}
	if len(e.Causes) > 0 {
		return to
	}
	path := append([]string{"data"}, e.InstanceLocation...)
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			to = append(to, refuse(pointer(append(slices.Clone(path), name)), "schema:required", "send this member"))
		}
		return to
	}
	rule := "schema"
	if keyword := e.ErrorKind.KeywordPath(); len(keyword) > 0 {
		rule = "schema:" + keyword[0]
	}
	return append(to, refuse(pointer(path), rule, advice(e.ErrorKind)))
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

// advice returns the correction for a broken rule: the schema's requirement, never a value of
// the event.
func advice(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "send a value of type " + strings.Join(k.Want, " or ")
	case *kind.Format:
		if k.Want == "email" { // the error has no value
			return "send one e-mail address: " + strings.ReplaceAll(k.Err.Error(), "\n", "; ")
		}
		return "send a valid " + k.Want
	case *kind.Pattern:
		if k.Want == noControls {
			return "send a text without line breaks, tabs and other control characters"
		}
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
