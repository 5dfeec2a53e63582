package events

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// ToNATS writes e for NATS: structured mode, with the headers Content-Type and
// Nats-Msg-Id. The same event gives the same bytes: attributes in the order of
// the specification, then extensions by name, then the data. It refuses, with an
// *InvalidError, what Parse would refuse to read back.
func ToNATS(e Event) (header map[string][]string, payload []byte, err error) {
	a, problem := attributesOf(e)
	if problem != nil {
		return nil, nil, problem
	}
	b := make([]byte, 0, 512+len(e.DataEncoded)*4/3)
	b = appendContext(b, &a.ctx)
	b, problem = appendData(b, e)
	if problem != nil {
		return nil, nil, problem
	}
	b = append(b, '}')
	id := MsgID(e.Source(), e.ID())
	if len(b)+len(HeaderContentType)+len(ContentType)+len(HeaderMsgID)+len(id) > MaxSize {
		return nil, nil, invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes, headers included")
	}
	return map[string][]string{HeaderContentType: {ContentType}, HeaderMsgID: {id}}, b, nil
}

// attributesOf checks the attributes of an event that may have been made by
// hand, and returns them as Parse would.
func attributesOf(e Event) (*attributes, *InvalidError) {
	a := &attributes{prefix: "/"}
	c, ok := e.Context.(*event.EventContextV1)
	if !ok || c == nil {
		return nil, a.refuse("specversion", RuleSpecVersion, `make the event with specversion "1.0"`)
	}
	core := append(make([]field, 0, len(coreAttributes)),
		field{"specversion", c.GetSpecVersion()}, field{"id", c.ID}, field{"source", c.GetSource()}, field{"type", c.Type})
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
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Extensions)) {
		if err := a.setExtension(name, c.Extensions[name]); err != nil {
			return nil, err
		}
	}
	return a, a.done()
}

// setExtension takes an extension of any type that the SDK knows.
func (a *attributes) setExtension(name string, value any) *InvalidError {
	if _, core := coreAttributes[name]; core {
		return a.refuse(name, RuleAttributeName, "an extension has the name of an attribute")
	}
	switch value.(type) {
	case string, bool, int32:
		return a.set(name, value)
	}
	text, err := types.Format(value)
	if err != nil {
		return a.refuse(name, RuleAttributeType, "send a string, a boolean or a 32-bit integer")
	}
	return a.set(name, text)
}

// appendContext writes the opening brace and the attributes.
func appendContext(b []byte, c *event.EventContextV1) []byte {
	b = append(b, `{"specversion":"1.0","id":`...)
	b = appendString(b, c.ID)
	b = appendMember(b, "source", c.GetSource())
	b = appendMember(b, "type", c.Type)
	if c.Subject != nil {
		b = appendMember(b, "subject", *c.Subject)
	}
	if c.Time != nil {
		b = appendMember(b, "time", c.Time.String())
	}
	if c.DataContentType != nil {
		b = appendMember(b, "datacontenttype", *c.DataContentType)
	}
	if c.DataSchema != nil {
		b = appendMember(b, "dataschema", c.DataSchema.String())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Extensions)) {
		switch v := c.Extensions[name].(type) {
		case string:
			b = appendMember(b, name, v)
		default: // a bool or an int32: their JSON is what fmt writes
			b = fmt.Appendf(b, `,"%s":%v`, name, v)
		}
	}
	return b
}

// appendData writes the data: JSON as it is but for white space around it, other
// text as a string, all else, and all that was made as binary, in base64.
func appendData(b []byte, e Event) ([]byte, *InvalidError) {
	data, contentType := e.DataEncoded, e.DataContentType()
	if data == nil {
		return b, nil
	}
	bare := contentType == "" && e.DataBase64 // nothing says that these bytes are JSON
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

// appendMember writes a comma, a name that needs no escapes, and a string.
func appendMember(b []byte, name, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return appendString(b, value)
}

// appendString writes s, which is valid UTF-8, as a JSON string.
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
