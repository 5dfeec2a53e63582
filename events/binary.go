package events

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// field is a ce- header: the attribute name in lower case and the value as sent.
type field struct{ name, value string }

// fold returns the values of Content-Type, the ce- headers sorted by name, and the size of all
// these in bytes. Names match in any case. A header without values counts as missing.
func fold(header map[string][]string) (types []string, attrs []field, size int) {
	for name, values := range header {
		isType := strings.EqualFold(name, HeaderContentType)
		isAttr := len(name) >= len(attributePrefix) && strings.EqualFold(name[:len(attributePrefix)], attributePrefix)
		for _, v := range values {
			switch {
			case isType:
				types = append(types, strings.TrimSpace(v))
			case isAttr:
				attrs = append(attrs, field{strings.Map(asciiLower, name[len(attributePrefix):]), v})
			default:
				continue
			}
			size += len(name) + len(v)
		}
	}
	slices.SortFunc(attrs, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return types, attrs, size
}

// fits returns an error if headers and payload together are too large.
func checkSize(size int) *InvalidError {
	if size > MaxSize {
		return invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes, headers included")
	}
	return nil
}

// headerEvent reads an event without data from the headers.
func (r Reader) headerEvent(contentType string, attrs []field) (Event, *InvalidError) {
	a := attributes{prefix: attributePrefix, drops: r.DropExtensions, contextV1: &contextV1{}}
	for i, f := range attrs {
		if i+1 < len(attrs) && attrs[i+1].name == f.name { // checked before any value, because the order of equal names is random
			return Event{}, a.refuse(f.name, RuleDuplicate, "send each attribute once")
		}
		value, err := headerValue(f.value)
		if err != nil && a.mayDrop(f.name) {
			continue
		}
		if err != nil {
			return Event{}, a.refuse(f.name, err.Rule, err.Detail)
		}
		if err := a.setText(f.name, value); err != nil {
			return Event{}, err
		}
	}
	if a.ctx.DataContentType == nil && contentType != "" {
		if len(contentType) > MaxAttribute {
			return Event{}, invalid(HeaderContentType, RuleSize, "send at most "+strconv.Itoa(MaxAttribute)+" bytes in this header")
		}
		if !isMediaType(contentType) || !plain(contentType) {
			return Event{}, invalid(HeaderContentType, RuleMediaType, "send a media type, as in application/json")
		}
		a.contentType = contentType
		a.ctx.DataContentType = &a.contentType
	}
	if err := a.done(); err != nil {
		return Event{}, err
	}
	return Event{Context: &a.ctx}, nil
}

// payloadData sets a copy of the payload as data. An empty payload means no data. Without a
// content type the payload must be JSON.
func payloadData(e *Event, payload []byte) *InvalidError {
	if len(payload) == 0 {
		return nil
	}
	if !IsJSON(e.DataContentType()) {
		e.DataEncoded, e.DataBase64 = bytes.Clone(payload), true
		return nil
	}
	payload, err := jsonText(payload)
	if err == nil {
		err = checkJSON(payload)
	}
	if err != nil {
		err.Pointer = "/data" + err.Pointer
		return err
	}
	e.DataEncoded = bytes.Clone(payload)
	return nil
}

// headerValue removes the quotes of a header value, and then decodes percent-encoding once.
func headerValue(s string) (string, *InvalidError) {
	s = strings.Trim(s, " \t")
	if strings.HasPrefix(s, `"`) {
		inner, ok := unquoteHeader(s)
		if !ok {
			return "", invalid("", RuleQuotedString, "close the quoted value, with nothing behind the quote")
		}
		s = inner
	}
	return percentDecode(s)
}

// unquoteHeader returns the content of a quoted string, without backslash escapes.
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

// percentDecode decodes %XX once. The result must be valid UTF-8. A % without two hex digits is
// a % itself: the specification requires writers to encode every %, but the SDKs for Go, Java
// and JavaScript write "100% attendance" as it is.
func percentDecode(s string) (string, *InvalidError) {
	out := []byte(s)
	if strings.IndexByte(s, '%') >= 0 {
		out = out[:0]
		for i := 0; i < len(s); i++ {
			if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				out = append(out, s[i])
				continue
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

// asciiLower returns an ASCII letter in lower case, and any other rune unchanged.
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
