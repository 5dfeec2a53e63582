package events

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// canonicalDepth is the most objects and arrays around a value in appendCanonical, which scans a
// value once for each of them.
const canonicalDepth = 6

// quickCanonical returns JSON data as decodedCanonical does, and reports false for data that has to be
// decoded.
func quickCanonical(data []byte) ([]byte, bool) {
	if !utf8.Valid(data) {
		return nil, false
	}
	return appendCanonical(make([]byte, 0, len(data)), bytes.TrimLeft(data, " \t\r\n"), canonicalDepth)
}

// appendCanonical appends the value at the beginning of raw with sorted members and without white
// space, and reports whether the value is JSON without a repeated name and not too deep.
func appendCanonical(b, raw []byte, depth int) ([]byte, bool) {
	s := scanner{data: raw}
	c := s.peek()
	switch {
	case c == '{' && depth > 0:
		return s.canonicalObject(b, depth-1)
	case c == '[' && depth > 0:
		return s.canonicalArray(b, depth-1)
	case c == '{' || c == '[':
		return b, false
	}
	if err := s.value(1); err != nil {
		return b, false
	}
	if raw = raw[:s.pos]; c == '"' {
		return appendCanonicalText(b, raw), true
	}
	return append(b, raw...), true
}

// canonicalObject is appendCanonical for an object.
func (s *scanner) canonicalObject(b []byte, depth int) ([]byte, bool) {
	type member struct {
		name string
		raw  []byte
	}
	var room [12]member
	members := room[:0]
	err := s.object(1, func(name string, raw []byte) *InvalidError {
		members = append(members, member{name, raw})
		return nil
	})
	if err != nil {
		return b, false
	}
	slices.SortFunc(members, func(x, y member) int { return strings.Compare(x.name, y.name) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendMarshaled(b, m.name), ':')
		var ok bool
		if b, ok = appendCanonical(b, m.raw, depth); !ok {
			return b, false
		}
	}
	return append(b, '}'), true
}

// canonicalArray is appendCanonical for an array.
func (s *scanner) canonicalArray(b []byte, depth int) ([]byte, bool) {
	s.pos++
	if s.space(); s.peek() == ']' {
		return append(b, '[', ']'), true
	}
	for begin := byte('['); ; begin = ',' {
		s.space()
		from := s.pos
		if err := s.value(1); err != nil {
			return b, false
		}
		var ok bool
		if b, ok = appendCanonical(append(b, begin), s.data[from:s.pos], depth); !ok {
			return b, false
		}
		more, err := s.next(']')
		if err != nil {
			return b, false
		}
		if !more {
			return append(b, ']'), true
		}
	}
}

// appendCanonicalText appends a raw JSON string as encoding/json writes the text.
func appendCanonicalText(b, raw []byte) []byte {
	if isMarshaled(raw[1 : len(raw)-1]) {
		return append(b, raw...)
	}
	return appendMarshaled(b, unquote(raw))
}

// appendMarshaled appends a text as encoding/json writes the text.
func appendMarshaled(b []byte, text string) []byte {
	if isMarshaled(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	marshaled, _ := json.Marshal(text) // never fails
	return append(b, marshaled...)
}

// isMarshaled reports whether encoding/json writes a text as it is, between quotes.
func isMarshaled[T string | []byte](text T) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}
