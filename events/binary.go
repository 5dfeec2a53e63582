package events

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// field is a ce- header: the attribute's name in lower case and the value as sent.
type field struct{ name, value string }

// fold returns the values of Content-Type, the ce- headers sorted by name, and how
// many bytes all these have. Names count in any case. A header without values is
// not there.
func fold(header map[string][]string) (types []string, attrs []field, size int) {
	for name, values := range header {
		lower := strings.Map(asciiLower, name)
		attr, isAttr := strings.CutPrefix(lower, attributePrefix)
		for _, v := range values {
			switch {
			case lower == "content-type":
				types = append(types, strings.TrimSpace(v))
			case isAttr:
				attrs = append(attrs, field{attr, v})
			default:
				continue
			}
			size += len(name) + len(v)
		}
	}
	slices.SortFunc(attrs, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return types, attrs, size
}

// fits refuses headers and a payload that are too large together.
func fits(size int) *InvalidError {
	if size > MaxSize {
		return invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes, headers included")
	}
	return nil
}

// headerEvent reads an event without its data: its attributes are headers.
func headerEvent(contentType string, attrs []field) (Event, *InvalidError) {
	a := attributes{prefix: attributePrefix}
	for i, f := range attrs {
		if i+1 < len(attrs) && attrs[i+1].name == f.name { // told before a value is read, as their order is chance
			return Event{}, a.refuse(f.name, RuleDuplicate, "send each attribute once")
		}
		value, err := headerValue(f.value)
		if err != nil {
			return Event{}, a.refuse(f.name, err.Rule, err.Detail)
		}
		if err := a.setText(f.name, value); err != nil {
			return Event{}, err
		}
	}
	if a.ctx.DataContentType == nil && contentType != "" {
		if len(contentType) > MaxAttribute {
			return Event{}, invalid(HeaderContentType, RuleSize, "send at most "+strconv.Itoa(MaxAttribute)+" bytes in it")
		}
		if !isMediaType(contentType) || !plain(contentType) {
			return Event{}, invalid(HeaderContentType, RuleMediaType, "send a media type, as in application/json")
		}
		a.ctx.DataContentType = &contentType
	}
	if err := a.done(); err != nil {
		return Event{}, err
	}
	return Event{Context: &a.ctx}, nil
}

// payloadData puts a copy of the payload into e as it is. An empty payload is no
// data. Without a content type it must be JSON.
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
	e.DataEncoded = bytes.Clone(payload)
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

// percentDecode decodes %XX once. The outcome must be valid UTF-8. A % without
// two hex digits is refused: the specification has writers encode every % of a
// value, so no right one sends it, and it does not say how to read it. Two
// readers that guess differently would see two ids in one event.
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
