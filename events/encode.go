package events

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// ToNATS returns the NATS message of e in structured mode, with the headers Content-Type and
// Nats-Msg-Id. Equal events give equal bytes: the attributes in the order of the specification,
// then extensions by name, then the data. An event that Parse would reject is an *InvalidError.
func ToNATS(e Event) (header map[string][]string, payload []byte, err error) {
	c, ok := e.Context.(*event.EventContextV1)
	if !ok || c == nil {
		a := attributes{prefix: "/"}
		return nil, nil, a.refuse("specversion", RuleSpecVersion, `create the event with specversion "1.0"`)
	}
	source := Source(e)
	b, problem := appendContext(make([]byte, 0, roomFor(c, source, e)), c, source)
	if problem != nil {
		return nil, nil, problem
	}
	b, problem = appendData(b, e)
	if problem != nil {
		return nil, nil, problem
	}
	b = append(b, '}')
	id := MsgID(c.Type, source, c.ID)
	if len(b)+len(HeaderContentType)+len(ContentType)+len(HeaderMsgID)+len(id) > MaxSize {
		return nil, nil, invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes, headers included")
	}
	values := []string{ContentType, id}
	return map[string][]string{HeaderContentType: values[:1:1], HeaderMsgID: values[1:]}, b, nil
}

// roomFor returns about the size of an event in the JSON format.
func roomFor(c *event.EventContextV1, source string, e Event) int {
	const names = 256 // for the names of the specification, time and datacontenttype
	size := names + len(c.ID) + len(source) + len(c.Type) + len(e.DataEncoded)
	if c.Subject != nil {
		size += len(*c.Subject)
	}
	if e.DataBase64 {
		size += len(e.DataEncoded) / 3
	}
	for name, value := range c.Extensions {
		text, _ := value.(string)
		size += len(name) + len(text) + len(`,"":""`)
	}
	return size
}

// appendContext checks the attributes of an event from any source. Appends the opening brace, the attributes of
// the specification in order, and the extensions by name.
func appendContext(b []byte, c *event.EventContextV1, source string) ([]byte, *InvalidError) {
	w := contextWriter{b: append(b, '{')}
	w.text("specversion", c.GetSpecVersion())
	w.text("id", c.ID)
	w.text("source", source)
	w.text("type", c.Type)
	if c.Subject != nil {
		w.text("subject", *c.Subject)
	}
	if c.Time != nil {
		w.time(c.Time.UTC())
	}
	if c.DataContentType != nil {
		w.text("datacontenttype", *c.DataContentType)
	}
	if c.DataSchema != nil {
		w.text("dataschema", c.DataSchema.String())
	}
	w.extensions(c.Extensions)
	return w.b, w.err
}

// contextWriter appends attributes up to the first that breaks a rule.
type contextWriter struct {
	b   []byte
	err *InvalidError
}

// text checks and appends a text.
func (w *contextWriter) text(name, value string) {
	if w.err != nil {
		return
	}
	a := attributes{prefix: "/"}
	if w.err = a.check(name, value); w.err == nil {
		w.b = appendMember(w.b, name, value)
	}
}

// time checks and appends the attribute time. Only years of four digits can be read again.
func (w *contextWriter) time(t time.Time) {
	if year := t.Year(); w.err == nil && (year < 0 || year > 9999) {
		a := attributes{prefix: "/"}
		w.err = a.refuse("time", RuleTime, timeAdvice)
	}
	w.b = append(t.AppendFormat(append(w.b, `,"time":"`...), time.RFC3339Nano), '"')
}

// extensions checks extensions, and appends them by name.
func (w *contextWriter) extensions(all map[string]any) {
	if w.err != nil {
		return
	}
	var room [8]extension
	more := room[:0]
	for name, value := range all {
		more = append(more, extension{name, value})
	}
	slices.SortFunc(more, func(x, y extension) int { return strings.Compare(x.name, y.name) })
	for _, x := range more {
		w.extension(x.name, x.value)
	}
}

// extension is an extension of an event from any source.
type extension struct {
	name  string
	value any
}

// extension checks and appends an extension of any type of the SDK, as Parse could have read the extension.
func (w *contextWriter) extension(name string, value any) {
	if w.err != nil {
		return
	}
	a := attributes{prefix: "/"}
	if isCore(name) {
		w.err = a.refuse(name, RuleAttributeName, "an extension has the name of an attribute")
		return
	}
	switch v := value.(type) {
	case string:
		w.text(name, v)
		return
	case bool, int32: // fmt writes JSON
		if w.err = a.check(name, ""); w.err == nil {
			w.b = fmt.Appendf(w.b, `,"%s":%v`, name, v)
		}
		return
	}
	text, err := types.Format(value)
	if err != nil {
		w.err = a.refuse(name, RuleAttributeType, "send a string, a boolean or a 32-bit integer")
		return
	}
	w.text(name, text)
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
