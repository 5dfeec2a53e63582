package events

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The names of the headers of a message that holds an event.
const (
	HeaderContentType = "Content-Type"
	HeaderMsgID       = "Nats-Msg-Id"
	attributePrefix   = "ce-"
)

// ContentType says that a message holds one event in the JSON format.
const ContentType = "application/cloudevents+json"

// FromNATS reads the event in a NATS message, by the NATS protocol binding and
// in the order that leaves no doubt: a batch is refused; application/cloudevents+json
// is structured, any other event format is refused; with a ce-specversion header
// the message is binary; what is left must be a JSON object with a specversion.
// Names of headers count in any case. An error is an *InvalidError.
//
// In binary mode a value is unquoted, then percent-decoded once. The content
// type is ce-datacontenttype, or Content-Type where that is not there. Data
// without a content type must be JSON, as our types' data is.
func FromNATS(header map[string][]string, payload []byte) (Event, error) {
	e, err := fromNATS(header, payload)
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// fromNATS is FromNATS with the error's own type.
func fromNATS(header map[string][]string, payload []byte) (Event, *InvalidError) {
	contentType, attrs, err := fold(header, MaxSize-len(payload))
	if err != nil {
		return Event{}, err
	}
	format := mediaType(contentType)
	switch {
	case format == ContentType:
		return parse(payload)
	case strings.HasPrefix(format, "application/cloudevents"):
		return Event{}, invalid(HeaderContentType, RuleMode, "send one event per message, as "+ContentType+" or in binary mode")
	case slices.ContainsFunc(attrs, func(f field) bool { return f.name == "specversion" }):
		return binaryEvent(contentType, attrs, payload)
	case bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")):
		return parse(payload)
	}
	return Event{}, invalid("", RuleMode, "send a CloudEvent: a JSON object with specversion, or ce- headers")
}

// field is a ce- header: the attribute's name in lower case and the value as sent.
type field struct{ name, value string }

// fold returns the content type and the ce- headers, sorted by name. A header
// without values is not there. limit is how many bytes these headers may have.
func fold(header map[string][]string, limit int) (contentType string, attrs []field, err *InvalidError) {
	var types []string
	for name, values := range header {
		lower := strings.Map(asciiLower, name)
		attr, isAttr := strings.CutPrefix(lower, attributePrefix)
		for _, v := range values {
			switch {
			case lower == "content-type":
				types = append(types, v)
			case isAttr:
				attrs = append(attrs, field{attr, v})
			default:
				continue
			}
			limit -= len(name) + len(v)
		}
	}
	if limit < 0 {
		return "", nil, invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes, headers included")
	}
	if len(types) > 1 {
		return "", nil, invalid(HeaderContentType, RuleDuplicate, "send the header once")
	}
	if len(types) == 1 {
		contentType = strings.TrimSpace(types[0])
	}
	slices.SortFunc(attrs, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return contentType, attrs, nil
}

// binaryEvent reads an event whose attributes are headers and whose data is the payload.
func binaryEvent(contentType string, attrs []field, payload []byte) (Event, *InvalidError) {
	a := attributes{prefix: attributePrefix}
	for i, f := range attrs {
		if i > 0 && attrs[i-1].name == f.name {
			return Event{}, a.refuse(f.name, RuleDuplicate, "send each attribute once")
		}
		value, err := headerValue(f.value)
		if err != nil {
			return Event{}, a.refuse(f.name, err.Rule, err.Detail)
		}
		if err := a.set(f.name, value); err != nil {
			return Event{}, err
		}
	}
	if a.ctx.DataContentType == nil && contentType != "" {
		if !isMediaType(contentType) || !plain(contentType) {
			return Event{}, invalid(HeaderContentType, RuleMediaType, "send a media type, as in application/json")
		}
		a.ctx.DataContentType = &contentType
	}
	if err := a.done(); err != nil {
		return Event{}, err
	}
	e := Event{Context: &a.ctx}
	err := payloadData(&e, payload)
	return e, err
}

// payloadData puts a copy of the payload into e. An empty payload is no data.
func payloadData(e *Event, payload []byte) *InvalidError {
	if len(payload) == 0 {
		return nil
	}
	if !IsJSON(e.DataContentType()) {
		e.DataEncoded, e.DataBase64 = bytes.Clone(payload), true
		return nil
	}
	if err := checkJSON(payload); err != nil {
		err.Pointer = "/data" + err.Pointer
		return err
	}
	e.DataEncoded = bytes.Clone(bytes.TrimSpace(payload))
	return nil
}

// headerValue undoes a header value's quotes, then one round of percent-encoding.
func headerValue(s string) (string, *InvalidError) {
	s = strings.Trim(s, " \t")
	if strings.HasPrefix(s, `"`) {
		inner, ok := unquoteHeader(s)
		if !ok {
			return "", invalid("", RuleQuotedString, "close the quoted value, and put nothing after it")
		}
		s = inner
	}
	return percentDecode(s)
}

// unquoteHeader returns what stands in a quoted string, its backslash escapes undone.
func unquoteHeader(s string) (inner string, ok bool) {
	out := make([]byte, 0, len(s))
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return string(out), i == len(s)-1
		case '\\':
			i++
			if i == len(s) {
				return "", false
			}
		}
		out = append(out, s[i])
	}
	return "", false
}

// percentDecode decodes %XX once. The outcome must be valid UTF-8.
func percentDecode(s string) (string, *InvalidError) {
	out := []byte(s)
	if strings.IndexByte(s, '%') >= 0 {
		out = out[:0]
		for i := 0; i < len(s); i++ {
			if s[i] != '%' {
				out = append(out, s[i])
				continue
			}
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", invalid("", RulePercent, "write % as %25, and two hex digits after every other")
			}
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		}
	}
	if !utf8.Valid(out) {
		return "", invalid("", RulePercent, "percent-encode the bytes of valid UTF-8")
	}
	return string(out), nil
}

// asciiLower returns r in lower case, where it is a letter of ASCII.
func asciiLower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// unhex returns the value of a hex digit.
func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
