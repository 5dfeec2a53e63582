package schemas

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/usherhq/usher/events"
)

// plainObject is a schema of texts and of objects with any members, as nearly all schemas of events are.
// A plainObject accepts most valid data in one scan, without a tree of values; the library checks the rest.
type plainObject struct {
	// Annotations.
	Dialect     string `json:"$schema"`
	ID          string `json:"$id"`
	Title       string `json:"title"`
	Description string `json:"description"`

	Type       string                  `json:"type"`
	Required   []string                `json:"required"`
	Properties map[string]*plainMember `json:"properties"`
}

// plainMember is the schema of a member.
type plainMember struct {
	Description string `json:"description"`

	Type          string `json:"type"`
	Format        string `json:"format"`
	Pattern       string `json:"pattern"`
	MinLength     *int   `json:"minLength"` // in characters, as MaxLength
	MaxLength     *int   `json:"maxLength"`
	MaxProperties *int   `json:"maxProperties"`

	visible bool              // the pattern is noControls
	pattern jsonschema.Regexp // nil: none, or noControls
	format  func(string) error
}

// newPlainObject returns the plainObject of a schema; nil for a schema with further rules.
func newPlainObject(schema []byte) *plainObject {
	p := &plainObject{}
	d := json.NewDecoder(bytes.NewReader(schema))
	d.DisallowUnknownFields()
	if d.Decode(p) != nil || p.Type != "object" {
		return nil
	}
	for _, m := range p.Properties {
		if m == nil || !m.prepare() {
			return nil
		}
	}
	return p
}

// prepare compiles the rules of a member, and reports whether a scan can check all of them.
func (m *plainMember) prepare() bool {
	isText := m.Format != "" || m.Pattern != "" || m.MinLength != nil || m.MaxLength != nil
	if m.Type != "string" && (m.Type != "object" || isText) || m.Type == "string" && m.MaxProperties != nil {
		return false
	}
	known := true
	if m.Format != "" {
		m.format, known = formats[m.Format]
	}
	m.visible = m.Pattern == noControls
	if m.Pattern != "" && !m.visible {
		var err error
		m.pattern, err = pattern(m.Pattern)
		known = known && err == nil
	}
	return known
}

// accepts reports whether data is certainly valid.
func (c contract) accepts(data []byte) bool {
	return c.acceptsAll(func(each func(string, []byte) bool) bool { return events.EachMember(data, each) })
}

// acceptsClean reports whether the data of an event is certainly valid, and events.Clean changes nothing.
func (c contract) acceptsClean(e events.Event) bool {
	return c.acceptsAll(func(each func(string, []byte) bool) bool { return events.EachClean(e, each) })
}

// acceptsAll reports whether an object with the members of a scan is certainly valid.
func (c contract) acceptsAll(scan func(each func(name string, raw []byte) bool) bool) bool {
	p := c.plain
	if p == nil {
		return false
	}
	missing := len(p.Required)
	whole := scan(func(name string, raw []byte) bool {
		m, known := p.Properties[name]
		if slices.Contains(p.Required, name) {
			missing--
		}
		if !known {
			return !slices.ContainsFunc(c.members, func(ours string) bool { return strings.EqualFold(ours, name) })
		}
		return m.accepts(raw)
	})
	return whole && missing == 0
}

// accepts reports whether a value is certainly valid. A text with escapes is left to the library, and so
// is an object so long that the number of members has to be counted.
func (m *plainMember) accepts(raw []byte) bool {
	if m.Type == "object" {
		const least = 5 // bytes of a member: quotes, colon, value and comma
		return raw[0] == '{' && (m.MaxProperties == nil || len(raw)/least <= *m.MaxProperties)
	}
	if raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 {
		return false
	}
	raw = raw[1 : len(raw)-1]
	length := utf8.RuneCount(raw)
	if m.MinLength != nil && length < *m.MinLength || m.MaxLength != nil && length > *m.MaxLength {
		return false
	}
	if m.visible && (length == 0 || bytes.ContainsFunc(raw, unicode.IsControl)) {
		return false
	}
	if m.pattern == nil && m.format == nil {
		return true
	}
	text := string(raw)
	return (m.pattern == nil || m.pattern.MatchString(text)) && (m.format == nil || m.format(text) == nil)
}
