package events

import (
	"bytes"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // names of time zones, which container images lack
	"unicode"

	"golang.org/x/text/language"
)

// Clean returns e with the data as handlers read the data, and the names of ignored members, in
// the order of the data. Clean is the only place for differences that no user may suffer from:
//
//   - An optional member that is null or blank is left out.
//   - A locale or a time zone that nobody knows is left out, and ignored.
//   - White space and invisible characters around an address are removed.
//   - A whole number as user_id or course_id becomes the text of the digits.
//
// Required members stay, and so do faults: the schemas reject both. Data that needs no change
// is returned as it is, byte for byte. Clean of cleaned data changes nothing.
func Clean(e Event) (cleaned Event, ignored []string) {
	_, ours := typeNamed(e.Type())
	s := scanner{data: e.DataEncoded}
	if s.space(); !ours || e.DataBase64 || s.peek() != '{' || !IsJSON(e.DataContentType()) {
		return e, nil
	}
	changed := false
	err := s.object(1, func(name string, raw []byte) *InvalidError {
		after, _ := cleanMember(e.Type(), name, raw)
		changed = changed || string(after) != string(raw)
		return nil
	})
	if err != nil || !changed {
		return e, nil
	}
	e.DataEncoded, ignored = cleanObject(e.Type(), e.DataEncoded)
	return e, ignored
}

// EachClean is EachMember for the data of an event, and reports false also for data that Clean would change.
func EachClean(e Event, each func(name string, raw []byte) bool) bool {
	kind := e.Type()
	if _, ours := typeNamed(kind); !ours || e.DataBase64 || !IsJSON(e.DataContentType()) {
		return false
	}
	return EachMember(e.DataEncoded, func(name string, raw []byte) bool {
		after, _ := cleanMember(kind, name, raw)
		return string(after) == string(raw) && each(name, raw)
	})
}

// cleanObject returns the data of an event of a type without the members to leave out.
func cleanObject(kind string, data []byte) (object []byte, ignored []string) {
	object = []byte{'{'}
	s := scanner{data: data}
	s.space()
	_ = s.object(1, func(name string, raw []byte) *InvalidError { // scanned before
		raw, unknown := cleanMember(kind, name, raw)
		if unknown {
			ignored = append(ignored, name)
		}
		if raw == nil {
			return nil
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(append(appendString(object, name), ':'), raw...)
		return nil
	})
	return append(object, '}'), ignored
}

// cleanMember returns the value of a member as handlers read the value, or nil for a member to
// leave out. unknown reports a value that nobody knows.
func cleanMember(kind, name string, raw []byte) (value []byte, unknown bool) {
	if !optional(kind, name) {
		return cleanValue(name, raw), false
	}
	switch {
	case isBlank(raw):
		return nil, false
	case name == "locale" && !isLocale(raw), name == "time_zone" && !isTimeZone(raw):
		return nil, true
	}
	return cleanValue(name, raw), false
}

// optional reports whether events of a type may lack a member.
func optional(kind, name string) bool {
	switch name {
	case "first_name", "last_name", "locale", "time_zone", "phone", "attributes",
		"reason", "vendor", "starts_on", "ends_on", "occurred_at", "properties":
		return true
	case "email":
		return kind != UserCreated && kind != UserUpdated
	}
	return false
}

// isBlank reports whether a JSON value is null, or a string without a visible character.
func isBlank(raw []byte) bool {
	if raw[0] == '"' && isVisible(raw[1]) {
		return false
	}
	return string(raw) == "null" || raw[0] == '"' && trimmed(unquoted(raw)) == ""
}

// isVisible reports whether a byte of a JSON string is a visible character by itself.
func isVisible(c byte) bool { return ' ' < c && c <= '~' && c != '"' && c != '\\' }

// cleanValue returns the value of a member without harmless differences.
func cleanValue(name string, raw []byte) []byte {
	switch {
	case name == "email" && raw[0] == '"':
		if isVisible(raw[1]) && isVisible(raw[len(raw)-2]) && bytes.IndexByte(raw, '\\') < 0 {
			return raw
		}
		address := unquoted(raw)
		if short := trimmed(address); short != address {
			return appendString(nil, short)
		}
	case (name == "user_id" || name == "course_id") && isWhole(raw):
		return append(append([]byte{'"'}, raw...), '"')
	}
	return raw
}

// isWhole reports whether a JSON value is a whole number, written in digits. -0 has no text of
// its own.
func isWhole(raw []byte) bool {
	digits := raw
	if digits[0] == '-' {
		digits = digits[1:]
	}
	for _, c := range digits {
		if !isDigit(c) {
			return false
		}
	}
	return string(raw) != "-0"
}

// trimmed returns s without white space and invisible characters at both ends: copied addresses
// often begin with a zero width space or a mark of direction.
func trimmed(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// maxLocale and maxTimeZone are the limits of the schemas, in bytes.
const (
	maxLocale   = 35
	maxTimeZone = 64
)

// isLocale reports whether a JSON value is a known BCP 47 language tag.
func isLocale(raw []byte) bool {
	if raw[0] != '"' || len(raw)-2 > maxLocale {
		return false
	}
	if locales.has(raw[1 : len(raw)-1]) {
		return true
	}
	name := unquoted(raw)
	tag, err := language.Parse(name)
	known := err == nil && tag != language.Und
	if known {
		locales.add(name)
	}
	return known
}

// isTimeZone reports whether a JSON value is the name of an IANA time zone.
func isTimeZone(raw []byte) bool {
	if raw[0] != '"' || len(raw)-2 > maxTimeZone {
		return false
	}
	if zones.has(raw[1 : len(raw)-1]) {
		return true
	}
	name := unquoted(raw)
	if name == "Local" || strings.ContainsFunc(name, notInZone) {
		return false
	}
	_, err := time.LoadLocation(name)
	if err == nil {
		zones.add(name)
	}
	return err == nil
}

// zones has names of time zones that were found, since each load reads a file. The database has about
// 600 names; a path has others, such as with two slashes. locales has tags that were parsed.
var zones, locales found

// found has a bounded number of names, since senders choose the names. The limits of the schemas bound their
// length. Names are asked for with nearly every event, and added rarely: each addition copies all.
type found struct {
	adding sync.Mutex
	names  atomic.Pointer[map[string]struct{}]
}

// mostFound bounds the names of a found.
const mostFound = 1000

// has reports whether a name was added. No name has an escape, so that the raw text of a JSON string does.
func (f *found) has(name []byte) bool {
	_, has := f.all()[string(name)]
	return has
}

// all returns the names, which nobody changes.
func (f *found) all() map[string]struct{} {
	if names := f.names.Load(); names != nil {
		return *names
	}
	return nil
}

// add keeps a name while there is room.
func (f *found) add(name string) {
	f.adding.Lock()
	defer f.adding.Unlock()
	if len(f.all()) >= mostFound {
		return
	}
	more := make(map[string]struct{}, len(f.all())+1)
	maps.Copy(more, f.all())
	more[strings.Clone(name)] = struct{}{}
	f.names.Store(&more)
}

// notInZone reports whether no name of a time zone has the rune.
func notInZone(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("/_+-", r)
}
