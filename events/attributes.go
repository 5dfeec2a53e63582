package events

import (
	"strconv"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// attributes collects and checks the attributes of one event by the rules of CloudEvents 1.0.
// The context of the SDK is filled directly: the setters of the SDK trim and rewrite values,
// and so would change the identity of an event.
type attributes struct {
	prefix string // before a name in error pointers: "/" or "ce-"
	drops  bool   // see Reader.DropExtensions
	seen   bool   // specversion is present and 1.0
	*contextV1
}

// contextV1 is the context of an event with the targets of its pointers, in one object.
type contextV1 struct {
	ctx                  event.EventContextV1
	subject, contentType string
	at                   types.Timestamp
}

// set checks and sets one attribute: a string, a bool or an int32.
func (a *attributes) set(name string, value any) *InvalidError {
	if text, isText := value.(string); isText {
		return a.setText(name, text)
	}
	if !attributeName(name) {
		return a.misnamed(name)
	}
	if isCore(name) {
		return a.refuse(name, RuleAttributeType, "send a string")
	}
	a.extend(name, value)
	return nil
}

// setText is set for a string, the type of almost all attributes.
func (a *attributes) setText(name, text string) *InvalidError {
	if a.mayDrop(name) && (!attributeName(name) || len(text) > MaxAttribute || !plain(text)) {
		return nil
	}
	if err := a.check(name, text); err != nil {
		return err
	}
	switch name {
	case "specversion":
		a.seen = true
	case "id":
		a.ctx.ID = text
	case "source":
		a.ctx.Source.Opaque = text // the SDK prints an opaque URL byte for byte
	case "type":
		a.ctx.Type = text
	case "subject":
		a.subject = text
		a.ctx.Subject = &a.subject
	case "time":
		t, err := ParseTime(text)
		if err != nil {
			return a.refuse(name, RuleTime, timeAdvice)
		}
		a.at.Time = t
		a.ctx.Time = &a.at
	case "datacontenttype":
		a.contentType = text
		a.ctx.DataContentType = &a.contentType
	case "dataschema":
		uri := types.URI{}
		uri.Scheme, uri.Opaque, _ = strings.Cut(text, ":")
		a.ctx.DataSchema = &uri
	default:
		a.extend(name, text)
	}
	return nil
}

// timeAdvice is the correction for a time.
const timeAdvice = "send an RFC 3339 timestamp, as in 2026-01-31T09:30:00Z"

// check returns an error for an attribute that breaks a rule, except the rule of time.
func (a *attributes) check(name, text string) *InvalidError {
	switch {
	case !attributeName(name):
		return a.misnamed(name)
	case len(text) > MaxAttribute:
		return a.refuse(name, RuleSize, "send attributes of at most "+strconv.Itoa(MaxAttribute)+" bytes each")
	case !plain(text):
		return a.refuse(name, RuleCharacters, "send no control characters or noncharacters")
	}
	if rule, detail := brokenRule(name, text); rule != "" {
		return a.refuse(name, rule, detail)
	}
	return nil
}

// extend sets an extension.
func (a *attributes) extend(name string, value any) {
	if a.ctx.Extensions == nil {
		a.ctx.Extensions = make(map[string]any, 4)
	}
	a.ctx.Extensions[name] = value
}

// isCore reports whether a name is of an attribute of the specification.
func isCore(name string) bool {
	switch name {
	case "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema":
		return true
	}
	return false
}

// mayDrop reports whether a faulty attribute is dropped: an extension, except expirytime, since an event
// without expirytime never expires.
func (a *attributes) mayDrop(name string) bool {
	return a.drops && !isCore(name) && name != "expirytime"
}

// misnamed returns the error of an invalid attribute name, or nil if the attribute is dropped.
func (a *attributes) misnamed(name string) *InvalidError {
	if a.mayDrop(name) {
		return nil
	}
	return a.refuse(name, RuleAttributeName, "use a-z and 0-9 in attribute names, and not the name data")
}

// refuse returns an error that points to the attribute.
func (a *attributes) refuse(name, rule, detail string) *InvalidError {
	if len(name) > maxSegment {
		name = strings.ToValidUTF8(name[:maxSegment], "") + "…"
	}
	if a.prefix == "/" {
		name = pointerEscapes.Replace(name)
	}
	return invalid(a.prefix+name, rule, detail)
}

// done returns an error if a required attribute is missing.
func (a *attributes) done() *InvalidError {
	var missing string
	switch {
	case !a.seen:
		missing = "specversion"
	case a.ctx.ID == "":
		missing = "id"
	case a.ctx.Source.Opaque == "":
		missing = "source"
	case a.ctx.Type == "":
		missing = "type"
	default:
		return nil
	}
	return a.refuse(missing, RuleRequired, "every CloudEvent has this attribute")
}

// brokenRule returns the rule of an attribute of the specification, other than time, that a text breaks, and
// the correction, or two empty strings.
func brokenRule(name, s string) (rule, detail string) {
	switch name {
	case "specversion":
		return unless(s == event.CloudEventsVersionV1, RuleSpecVersion, `send specversion "1.0"`)
	case "id", "type":
		return unless(!blank(s), RuleRequired, "send a string that is not empty")
	case "source":
		if blank(s) {
			return RuleRequired, "send a URI-reference that is not empty"
		}
		return unless(isReference(s), RuleURIReference, "send a URI or a relative reference, percent-encoded")
	case "subject":
		return unless(!blank(s), RuleEmpty, "leave it out or send a string that is not empty")
	case "datacontenttype":
		return unless(isMediaType(s), RuleMediaType, "send a media type, as in application/json")
	case "dataschema":
		return unless(isAbsolute(s), RuleURI, "send an absolute URI, percent-encoded")
	}
	return "", ""
}

// unless returns rule and detail, or two empty strings if ok.
func unless(ok bool, rule, detail string) (string, string) {
	if ok {
		return "", ""
	}
	return rule, detail
}
