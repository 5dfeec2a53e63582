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
	checks bool   // optional attributes are only checked
	drops  bool   // see Reader.DropExtensions
	seen   bool   // specversion is present and 1.0
	ctx    event.EventContextV1
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
	if !attributeName(name) {
		return a.misnamed(name)
	}
	if a.mayDrop(name) && (len(text) > MaxAttribute || !plain(text)) {
		return nil
	}
	if len(text) > MaxAttribute {
		return a.refuse(name, RuleSize, "send attributes of at most "+strconv.Itoa(MaxAttribute)+" bytes each")
	}
	if !plain(text) {
		return a.refuse(name, RuleCharacters, "send no control characters or noncharacters")
	}
	set, core := coreAttributes[name]
	if !core && !a.checks {
		a.extend(name, text)
	}
	if !core {
		return nil
	}
	if rule, detail := set(a, text); rule != "" {
		return a.refuse(name, rule, detail)
	}
	return nil
}

// extend sets an extension.
func (a *attributes) extend(name string, value any) {
	if a.checks {
		return
	}
	if a.ctx.Extensions == nil {
		a.ctx.Extensions = make(map[string]any, 4)
	}
	a.ctx.Extensions[name] = value
}

// isCore reports whether a name is of an attribute of the specification.
func isCore(name string) bool {
	_, core := coreAttributes[name]
	return core
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

// coreAttributes has a setter for each attribute of the specification. A setter returns the
// broken rule and the correction, or two empty strings. The map is never changed.
var coreAttributes = map[string]func(a *attributes, s string) (rule, detail string){
	"specversion": func(a *attributes, s string) (string, string) {
		a.seen = s == event.CloudEventsVersionV1
		return unless(a.seen, RuleSpecVersion, `send specversion "1.0"`)
	},
	"id": func(a *attributes, s string) (string, string) {
		a.ctx.ID = s
		return unless(!blank(s), RuleRequired, "send a string that is not empty")
	},
	"type": func(a *attributes, s string) (string, string) {
		a.ctx.Type = s
		return unless(!blank(s), RuleRequired, "send a string that is not empty")
	},
	"source": func(a *attributes, s string) (string, string) {
		if blank(s) {
			return RuleRequired, "send a URI-reference that is not empty"
		}
		// The SDK prints an opaque URL byte for byte.
		a.ctx.Source.Opaque = s
		return unless(isReference(s), RuleURIReference, "send a URI or a relative reference, percent-encoded")
	},
	"subject": func(a *attributes, s string) (string, string) {
		a.ctx.Subject = a.kept(s)
		return unless(!blank(s), RuleEmpty, "leave it out or send a string that is not empty")
	},
	"time": func(a *attributes, s string) (string, string) {
		t, err := ParseTime(s)
		if !a.checks {
			a.ctx.Time = &types.Timestamp{Time: t}
		}
		return unless(err == nil, RuleTime, "send an RFC 3339 timestamp, as in 2026-01-31T09:30:00Z")
	},
	"datacontenttype": func(a *attributes, s string) (string, string) {
		a.ctx.DataContentType = a.kept(s)
		return unless(isMediaType(s), RuleMediaType, "send a media type, as in application/json")
	},
	"dataschema": func(a *attributes, s string) (string, string) {
		if !a.checks {
			uri := types.URI{}
			uri.Scheme, uri.Opaque, _ = strings.Cut(s, ":")
			a.ctx.DataSchema = &uri
		}
		return unless(isAbsolute(s), RuleURI, "send an absolute URI, percent-encoded")
	},
}

// kept returns a pointer to the text, or nil if the attributes are only checked.
func (a *attributes) kept(text string) *string {
	if a.checks {
		return nil
	}
	kept := text // only now on the heap
	return &kept
}

// unless returns rule and detail, or two empty strings if ok.
func unless(ok bool, rule, detail string) (string, string) {
	if ok {
		return "", ""
	}
	return rule, detail
}
