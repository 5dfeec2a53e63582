package events

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
)

// Parse reads one event in the JSON format (structured mode). Checked are, in this order, the
// size, the encoding, the JSON and the rules of CloudEvents 1.0. An error is an *InvalidError.
//
// Neither an unknown event type nor data against a schema is an error here. JSON data is kept
// verbatim, other data as bytes. An attribute null counts as missing. A byte order mark is
// skipped.
func Parse(data []byte) (Event, error) {
	e, err := Reader{}.parse(data)
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// parse is Parse with the concrete error type.
func (r Reader) parse(data []byte) (Event, *InvalidError) {
	if len(data) > MaxSize {
		return Event{}, invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes")
	}
	data, err := jsonText(data)
	if err != nil {
		return Event{}, err
	}
	return r.parseText(data)
}

// parseText parses valid UTF-8 without a byte order mark.
func (r Reader) parseText(data []byte) (Event, *InvalidError) {
	if err := checkValues(data); err != nil {
		return Event{}, err
	}
	s := scanner{data: data}
	if s.space(); s.peek() != '{' {
		return Event{}, s.fail(RuleJSON, "send one JSON object")
	}
	d := r.newDocument(&texts{room: 256})
	if err := s.object(1, d.member); err != nil {
		return Event{}, err
	}
	if err := s.end(); err != nil {
		return Event{}, err
	}
	return d.event()
}

// document collects the members of a structured event.
type document struct {
	attributes
	texts  *texts
	data   []byte // raw JSON of the member data, or nil
	base64 []byte // raw JSON of the member data_base64, or nil if missing or null
}

// newDocument returns a document without members.
func (r Reader) newDocument(texts *texts) document {
	return document{attributes: attributes{prefix: "/", drops: r.DropExtensions, contextV1: &contextV1{}}, texts: texts}
}

// texts makes strings in blocks: one allocation instead of one for each string.
type texts struct {
	room  int // bytes of a block
	block strings.Builder
}

// text is the function text.
func (t *texts) text(b []byte) string {
	if usual := known(b); usual != "" {
		return usual
	}
	if len(b) > t.room/2 {
		return string(b)
	}
	if t.block.Cap()-t.block.Len() < len(b) {
		t.block = strings.Builder{} // the strings of the full block stay
		t.block.Grow(t.room)
	}
	from := t.block.Len()
	t.block.Write(b)
	return t.block.String()[from:]
}

// member sets one member of the event's object.
func (d *document) member(name string, raw []byte) *InvalidError {
	if name == "data" {
		d.data = raw
		return nil
	}
	if string(raw) == "null" {
		if name == "data_base64" || attributeName(name) {
			return nil
		}
	}
	if name == "data_base64" {
		d.base64 = raw
		return nil
	}
	if raw[0] == '"' {
		return d.setText(name, d.unquoted(raw))
	}
	value, err := attributeValue(raw)
	if err != nil && d.mayDrop(name) {
		return nil
	}
	if err != nil && attributeName(name) {
		return d.refuse(name, err.Rule, err.Detail)
	}
	return d.set(name, value)
}

// attributeValue returns the bool or int32 in raw.
func attributeValue(raw []byte) (any, *InvalidError) {
	if raw[0] == 't' || raw[0] == 'f' {
		return raw[0] == 't', nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil {
		return nil, invalid("", RuleAttributeType, "send a string, a boolean or a 32-bit integer")
	}
	return int32(n), nil
}

// unquoted is unquote with a fast path for strings without escapes.
func unquoted(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return text(raw[1 : len(raw)-1])
	}
	return unquote(raw)
}

// unquoted is the function unquoted for an attribute.
func (d *document) unquoted(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return d.texts.text(raw[1 : len(raw)-1])
	}
	return unquote(raw)
}

// event returns the event with a copy of the data.
func (d *document) event() (Event, *InvalidError) {
	if err := d.done(); err != nil {
		return Event{}, err
	}
	e := Event{Context: &d.ctx}
	switch {
	case d.data != nil && d.base64 != nil:
		return Event{}, invalid("/data_base64", RuleDataOnce, "send data or data_base64, not both")
	case d.base64 != nil:
		err := d.binary(&e)
		return e, err
	case d.data == nil:
		return e, nil
	case IsJSON(e.DataContentType()):
		e.DataEncoded = bytes.Clone(d.data)
		return e, nil
	case d.data[0] != '"':
		return Event{}, invalid("/data", RuleDataString, "send a string, or a JSON datacontenttype")
	}
	e.DataEncoded = []byte(unquoted(d.data))
	return e, nil
}

// binary decodes data_base64. Data with a JSON content type must be JSON, and is kept like the
// member data.
func (d *document) binary(e *Event) *InvalidError {
	const where, advice = "/data_base64", "send standard base64 with padding"
	if d.base64[0] != '"' {
		return invalid(where, RuleBase64, advice)
	}
	text := []byte(unquoted(d.base64))
	if bytes.ContainsAny(text, "\r\n") {
		return invalid(where, RuleBase64, advice)
	}
	data, err := base64.StdEncoding.Strict().AppendDecode([]byte{}, text)
	if err != nil {
		return invalid(where, RuleBase64, advice)
	}
	e.DataEncoded, e.DataBase64 = data, true
	if e.DataContentType() == "" || !IsJSON(e.DataContentType()) || len(data) == 0 {
		return nil
	}
	data, problem := jsonText(data)
	if problem == nil {
		problem = checkJSON(data)
	}
	if problem != nil {
		return invalid(where, problem.Rule, problem.Detail)
	}
	e.DataEncoded, e.DataBase64 = bytes.TrimSpace(data), false
	return nil
}
