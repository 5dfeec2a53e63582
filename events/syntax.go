package events

import (
	"errors"
	"mime"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// attributeName reports whether name is a valid attribute name: a-z and 0-9, but not the
// reserved name data. The specification recommends at most 20 characters; longer names are
// accepted.
func attributeName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isDigit(c) && (c < 'a' || c > 'z') {
			return false
		}
	}
	return name != "" && name != "data"
}

// plain reports whether s is a CloudEvents String: valid UTF-8 without control characters and
// noncharacters.
func plain(s string) bool {
	printable := 0 // number of leading bytes of printable ASCII, usually all
	for printable < len(s) && ' ' <= s[printable] && s[printable] <= '~' {
		printable++
	}
	s = s[printable:]
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		control := r < ' ' || 0x7F <= r && r <= 0x9F
		if control || 0xFDD0 <= r && r <= 0xFDEF || r&0xFFFE == 0xFFFE {
			return false
		}
	}
	return true
}

// blank reports whether s is empty or white space.
func blank(s string) bool { return strings.TrimSpace(s) == "" }

// errTime is the error of ParseTime.
var errTime = errors.New("no RFC 3339 timestamp")

// ParseTime parses an RFC 3339 timestamp strictly, unlike Go's time package (commas, hours of
// one digit). t and z may be lower case. Rejected are leap seconds, and times outside the years
// 0 to 9999 in UTC, because such times cannot be written.
func ParseTime(s string) (time.Time, error) {
	s = strings.ToUpper(s)
	if len(s) < len("2006-01-02T15:04:05Z") || s[13] != ':' || strings.IndexByte(s, ',') >= 0 {
		return time.Time{}, errTime
	}
	if zone := s[len(s)-6:]; s[len(s)-1] != 'Z' && zone[1:3] > "23" {
		return time.Time{}, errTime
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, errTime
	}
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return time.Time{}, errTime
	}
	return t, nil
}

// isReference reports whether s is a URI-reference (RFC 3986).
func isReference(s string) bool {
	if simpleReference(s) {
		return true
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
		case c <= ' ' || c > '~':
			return false
		case c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}':
			return false
		}
	}
	_, err := url.Parse(s)
	return err == nil
}

// simpleReference reports whether s is a simple path, or a simple URI of https.
func simpleReference(s string) bool { return simple(strings.TrimPrefix(s, "https://")) }

// simple reports whether s has only slashes and characters without a meaning in URIs: a valid
// reference and, behind https://, a valid URI. Most references are simple.
func simple(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isDigit(c) && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '/' && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	return true
}

// isAbsolute reports whether s is a URI with a scheme and a non-empty rest.
func isAbsolute(s string) bool {
	if rest, web := strings.CutPrefix(s, "https://"); web && rest != "" && simple(rest) {
		return true
	}
	if !isReference(s) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && !strings.HasSuffix(s, ":")
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isMediaType reports whether s is a media type with well-formed parameters.
func isMediaType(s string) bool {
	if s == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(s)
	main, sub, _ := strings.Cut(t, "/")
	return err == nil && main != "" && sub != ""
}

// IsJSON reports whether data of this content type is JSON: "", */json or */*+json, in any case
// and with any parameters.
func IsJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	t := mediaType(contentType)
	return strings.HasSuffix(t, "/json") || strings.HasSuffix(t, "+json")
}

// mediaType returns the type without parameters, in lower case.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}
