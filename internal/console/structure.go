package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// shownMembers are the members of an event whose values readers see: they describe the event, and
// no person. An id with the form of an address is masked all the same.
var shownMembers = []string{
	"specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "user_id", "course_id", "occurred_at", "expirytime",
}

// shownHeaders are the headers whose values readers see.
var shownHeaders = []string{"content-type", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-datacontenttype", "ce-dataschema"}

// plainName matches names of members as programs have them. Other names may be data, such as an
// address as a key.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,40}$`)

// structure returns the structure of a JSON document: names, and the values of shownMembers. Of
// other values the kind is left.
func structure(doc []byte) string {
	var tree any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if d.Decode(&tree) != nil {
		return fmt.Sprintf("(%d bytes that are no JSON)", len(doc))
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // html/template does that
	enc.SetIndent("", "  ")
	if enc.Encode(kindsOf(tree, false)) != nil {
		return "(hidden)"
	}
	return strings.TrimSpace(out.String())
}

// kindsOf returns a value with kinds in place of texts and numbers. shown is whether the member of
// the value is in shownMembers.
func kindsOf(value any, shown bool) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, member := range value {
			if !plainName.MatchString(name) || mask(name) != name {
				name = fmt.Sprintf("(name %d)", len(out)+1)
			}
			out[name] = kindsOf(member, slices.Contains(shownMembers, name))
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, element := range value {
			out[i] = kindsOf(element, false)
		}
		return out
	case string:
		if shown {
			return mask(value)
		}
		return fmt.Sprintf("(text, %d characters)", len([]rune(value)))
	case json.Number:
		if shown {
			return value
		}
		return "(number)"
	case bool:
		return "(true or false)"
	default:
		return nil
	}
}

// structureHeader returns the value of a header for readers.
func structureHeader(name, value string) string {
	if slices.Contains(shownHeaders, strings.ToLower(name)) {
		return maskHeader(value)
	}
	return "(hidden)"
}
