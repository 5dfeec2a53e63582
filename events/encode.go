package events

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// ToNATS returns the NATS message of e in structured mode, with the headers Content-Type and
// Nats-Msg-Id. Equal events give equal bytes: the attributes in the order of the specification,
// then extensions by name, then the data. An event that Parse would reject is an *InvalidError.
func ToNATS(e Event) (header map[string][]string, payload []byte, err error) {
	core, more, problem := attributesOf(e)
	if problem != nil {
		return nil, nil, problem
	}
	b := make([]byte, 0, 512+len(e.DataEncoded)*4/3)
	b = appendContext(b, core, more)
	b, problem = appendData(b, e)
	if problem != nil {
		return nil, nil, problem
	}
	b = append(b, '}')
	id := MsgID(e.Type(), Source(e), e.ID())
	if len(b)+len(HeaderContentType)+len(ContentType)+len(HeaderMsgID)+len(id) > MaxSize {
		return nil, nil, invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes, headers included")
	}
	values := []string{ContentType, id}
	return map[string][]string{HeaderContentType: values[:1:1], HeaderMsgID: values[1:]}, b, nil
}

// attributesOf checks the attributes of an event from any source. Returns the attributes of the
// specification in order, as texts, and the extensions by name.
func attributesOf(e Event) (core []field, more []extension, _ *InvalidError) {
	a := &attributes{prefix: "/", checks: true}
	c, ok := e.Context.(*event.EventContextV1)
	if !ok || c == nil {
		return nil, nil, a.refuse("specversion", RuleSpecVersion, `create the event with specversion "1.0"`)
	}
	core = append(make([]field, 0, len(coreAttributes)),
		field{"specversion", c.GetSpecVersion()}, field{"id", c.ID}, field{"source", Source(e)}, field{"type", c.Type})
	if c.Subject != nil {
		core = append(core, field{"subject", *c.Subject})
	}
	if c.Time != nil {
		core = append(core, field{"time", c.Time.String()})
	}
	if c.DataContentType != nil {
		core = append(core, field{"datacontenttype", *c.DataContentType})
	}
	if c.DataSchema != nil {
		core = append(core, field{"dataschema", c.DataSchema.String()})
	}
	for _, f := range core {
		if err := a.setText(f.name, f.value); err != nil {
			return nil, nil, err
		}
	}
	more, err := a.extensionsOf(c.Extensions)
	if err != nil {
		return nil, nil, err
	}
	return core, more, a.done()
}

// extensionsOf checks extensions, and returns them by name.
func (a *attributes) extensionsOf(all map[string]any) ([]extension, *InvalidError) {
	more := make([]extension, 0, len(all))
	for name, value := range all {
		more = append(more, extension{name, value})
	}
	slices.SortFunc(more, func(x, y extension) int { return strings.Compare(x.name, y.name) })
	for i, x := range more {
		value, err := a.checkExtension(x.name, x.value)
		if err != nil {
			return nil, err
		}
		more[i].value = value
	}
	return more, nil
}

// extension is an extension that Parse could have read.
type extension struct {
	name  string
	value any // a string, a bool or an int32
}

// checkExtension checks an extension of any type of the SDK, and returns a value that Parse could have
// read.
func (a *attributes) checkExtension(name string, value any) (any, *InvalidError) {
	if _, core := coreAttributes[name]; core {
		return nil, a.refuse(name, RuleAttributeName, "an extension has the name of an attribute")
	}
	switch value.(type) {
	case string, bool, int32:
		return value, a.set(name, value)
	}
	text, err := types.Format(value)
	if err != nil {
		return nil, a.refuse(name, RuleAttributeType, "send a string, a boolean or a 32-bit integer")
	}
	return text, a.set(name, text)
}

// appendContext appends the opening brace, the attributes of the specification and the
// extensions.
func appendContext(b []byte, core []field, more []extension) []byte {
	b = append(b, '{')
	for _, f := range core {
		b = appendMember(b, f.name, f.value)
	}
	for _, x := range more {
		switch v := x.value.(type) {
		case string:
			b = appendMember(b, x.name, v)
		default: // a bool or an int32: fmt writes JSON
			b = fmt.Appendf(b, `,"%s":%v`, x.name, v)
		}
	}
	return b
}

// appendData appends the data: JSON verbatim without surrounding white space, other text as a
// string, and binary data in base64.
func appendData(b []byte, e Event) ([]byte, *InvalidError) {
	data, contentType := e.DataEncoded, e.DataContentType()
	if data == nil {
		return b, nil
	}
	bare := contentType == "" && e.DataBase64 // bytes without a content type need not be JSON
	switch {
	case IsJSON(contentType) && !bare && len(data) > 0:
		if err := checkJSON(data); err != nil {
			err.Pointer = "/data" + err.Pointer
			return nil, err
		}
		return append(append(b, `,"data":`...), bytes.TrimSpace(data)...), nil
	case e.DataBase64 || IsJSON(contentType) || !utf8.Valid(data):
		b = append(b, `,"data_base64":"`...)
		return append(base64.StdEncoding.AppendEncode(b, data), '"'), nil
	}
	return appendString(append(b, `,"data":`...), string(data)), nil
}

// appendMember appends a name without escapes and a string, with a comma unless the member is
// the first.
func appendMember(b []byte, name, value string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, `":`...)
	return appendString(b, value)
}

// appendString appends s, which is valid UTF-8, as a JSON string.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
