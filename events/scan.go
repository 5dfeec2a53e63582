package events

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/usherhq/usher/bounded"
)

// scanner scans one JSON text (RFC 8259) once and rejects everything that a decoder would
// silently repair: duplicate names, lone surrogates, numbers outside float64, excessive depth,
// bytes after the document. The text must be valid UTF-8.
type scanner struct {
	data []byte
	pos  int
}

// checkValues returns an error for JSON of more than MaxValues values. A shorter text has no room for them.
func checkValues(data []byte) *InvalidError {
	if len(data) < MaxValues {
		return nil
	}
	if err := (bounded.JSON{Values: MaxValues}).Check(data); err != nil {
		return invalid("", RuleValues, "send fewer JSON values: the event has "+err.Error())
	}
	return nil
}

// checkJSON returns an error unless data is exactly one JSON document for scanner.
func checkJSON(data []byte) *InvalidError {
	if !utf8.Valid(data) {
		return invalid("", RuleUTF8, "send JSON as UTF-8")
	}
	if err := checkValues(data); err != nil {
		return err
	}
	s := scanner{data: data}
	s.space()
	if err := s.value(1); err != nil { // one level for the event's own object
		return err
	}
	return s.end()
}

// member returns the raw value of the member with exactly this name. data may be anything; only
// objects have members.
func member(data []byte, name string) (raw []byte, ok bool) {
	raw, err := find(data, name)
	return raw, err == nil && raw != nil
}

// EachMember calls each with the name and the raw value of every member of a JSON object, in order.
// Reports whether data is one object by the rules of Parse, and each has returned true for all members.
func EachMember(data []byte, each func(name string, raw []byte) bool) bool {
	s := scanner{data: data}
	if s.space(); s.peek() != '{' || !utf8.Valid(data) {
		return false
	}
	err := s.object(1, func(name string, raw []byte) *InvalidError {
		if !each(name, raw) {
			return errStop
		}
		return nil
	})
	return err == nil && s.end() == nil
}

// errStop ends a scan.
var errStop = &InvalidError{}

// find is member for data with an error: the value before the error, or nil.
func find(data []byte, name string) (raw []byte, err *InvalidError) {
	s := scanner{data: data}
	s.space()
	if s.peek() != '{' || !utf8.Valid(data) {
		return nil, nil
	}
	err = s.object(1, func(n string, value []byte) *InvalidError {
		if n == name {
			raw = value
		}
		return nil
	})
	return raw, err
}

// fail returns an error with the byte offset.
func (s *scanner) fail(rule, detail string) *InvalidError {
	return invalid("", rule, detail+" (byte "+strconv.Itoa(s.pos)+")")
}

// peek returns the next byte, or 0 at the end. No JSON token begins with a zero byte.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// end returns an error for anything but white space up to the end.
func (s *scanner) end() *InvalidError {
	s.space()
	if s.pos != len(s.data) {
		return s.fail(RuleJSON, "send one document and nothing after it")
	}
	return nil
}

// value scans any value. depth is the number of enclosing objects and arrays.
func (s *scanner) value(depth int) *InvalidError {
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth+1, nil)
	case c == '[':
		return s.array(depth + 1)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || isDigit(c):
		return s.number()
	default:
		return s.literal()
	}
}

// literal scans true, false or null.
func (s *scanner) literal() *InvalidError {
	rest := s.data[s.pos:]
	for _, word := range []string{"true", "false", "null"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.pos += len(word)
			return nil
		}
	}
	return s.fail(RuleJSON, "a JSON value must stand here")
}

// array scans an array, from the opening bracket.
func (s *scanner) array(depth int) *InvalidError {
	if depth > MaxDepth {
		return s.fail(RuleDepth, "nest objects and arrays less deeply")
	}
	s.pos++
	if s.space(); s.peek() == ']' {
		s.pos++
		return nil
	}
	for i := 0; ; i++ {
		s.space()
		if err := s.value(depth); err != nil {
			return err.under(strconv.Itoa(i))
		}
		more, err := s.next(']')
		if err != nil || !more {
			return err
		}
	}
}

// object scans an object, from the opening brace. each, if not nil, is called with every name
// and raw value, in order.
func (s *scanner) object(depth int, each func(name string, value []byte) *InvalidError) *InvalidError {
	if depth > MaxDepth {
		return s.fail(RuleDepth, "nest objects and arrays less deeply")
	}
	s.pos++
	if s.space(); s.peek() == '}' {
		s.pos++
		return nil
	}
	var seen names
	for {
		if err := s.member(depth, &seen, each); err != nil {
			return err
		}
		more, err := s.next('}')
		if err != nil || !more {
			return err
		}
	}
}

// member scans a name, a colon and a value.
func (s *scanner) member(depth int, seen *names, each func(string, []byte) *InvalidError) *InvalidError {
	s.space()
	if s.peek() != '"' {
		return s.fail(RuleJSON, "a member's name in quotes must stand here")
	}
	raw, err := s.text()
	if err != nil {
		return err
	}
	name := plainName(raw)
	if !seen.add(name) {
		return s.fail(RuleDuplicate, "give each name once").under(string(name))
	}
	if s.space(); s.peek() != ':' {
		return s.fail(RuleJSON, "a colon must stand here").under(string(name))
	}
	s.pos++
	s.space()
	from := s.pos
	if err := s.value(depth); err != nil {
		return err.under(string(name))
	}
	if each == nil {
		return nil
	}
	return each(text(name), s.data[from:s.pos])
}

// usual has the names of attributes and of members of data, and values of most events: strings that need no
// allocation. usualPlace tells the list of a text.
var usual = func() (all [64][]string) {
	for _, text := range []string{
		"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data",
		"correlationid", "causationid", "traceparent", "tracestate",
		"user_id", "email", "first_name", "last_name", "locale", "time_zone", "phone", "attributes", "reason",
		"course_id", "vendor", "starts_on", "ends_on", "name", "occurred_at", "properties",
		"1.0", "application/json",
		UserCreated, UserUpdated, UserDeleted, UserRestored, EnrollmentRequested, EnrollmentCancelled, ActivityTracked,
	} {
		place := usualPlace([]byte(text))
		all[place] = append(all[place], text)
	}
	return all
}()

// usualPlace returns the index in usual for a text that is not empty.
func usualPlace(b []byte) int { return (4*len(b) ^ int(b[0]) ^ int(b[len(b)-1])<<3) & 63 }

// known returns bytes as one of the usual strings, or "".
func known(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	for _, text := range usual[usualPlace(b)] {
		if text == string(b) {
			return text
		}
	}
	return ""
}

// text returns bytes as a string.
func text(b []byte) string {
	if usual := known(b); usual != "" {
		return usual
	}
	return string(b)
}

// next scans a comma or the closing byte, and reports whether an element follows.
func (s *scanner) next(closing byte) (more bool, err *InvalidError) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		return false, nil
	default:
		return false, s.fail(RuleJSON, "a comma or '"+string(closing)+"' must stand here")
	}
}

// plainName returns the name in a raw string with quotes.
func plainName(raw []byte) []byte {
	for _, c := range raw {
		if c == '\\' {
			return []byte(unquote(raw))
		}
	}
	return raw[1 : len(raw)-1]
}

// unquote returns the text of a raw JSON string, or "" for anything else.
func unquote(raw []byte) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	return s
}

// names is a set without allocations while small.
type names struct {
	few  [16][]byte
	n    int
	many map[string]struct{}
}

// add adds a name and reports whether the name is new.
func (n *names) add(name []byte) bool {
	for _, old := range n.few[:n.n] {
		if string(old) == string(name) {
			return false
		}
	}
	if n.n < len(n.few) {
		n.few[n.n] = name
		n.n++
		return true
	}
	if _, ok := n.many[string(name)]; ok {
		return false
	}
	if n.many == nil {
		n.many = make(map[string]struct{})
	}
	n.many[string(name)] = struct{}{}
	return true
}
