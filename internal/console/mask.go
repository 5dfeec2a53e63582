package console

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// address is what looks like an e-mail address: as it is, or percent-encoded.
var address = regexp.MustCompile(`[^\s"'<>@,;:()\[\]\\/=&%]+(?:%[0-9A-Fa-f]{2}[^\s"'<>@,;:()\[\]\\/=&%]*)*(?:@|%40)([\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?)`)

// phone is what looks like a telephone number: with + or 00 before it, or in groups
// that begin with zero. Dates, plain numbers and parts of a UUID do not.
var phone = regexp.MustCompile(`(^|[^\w+-])((?:\+|00)\d[\d ()/.-]{5,}\d|\(0\d+\)[\d /.-]{4,}\d|0\d{2,5}[ /-]\d[\d /-]{3,}\d)`)

// phoneName is the name of a member that holds a telephone number.
var phoneName = regexp.MustCompile(`(?i)phone|mobile|\btel\b|telefon|fax`)

// mask hides what stands in a text of people's e-mail addresses and telephone
// numbers: a…@example.org is left of an address.
func mask(text string) string {
	text = address.ReplaceAllStringFunc(text, func(found string) string {
		before, at := cutAny(found, "@", "%40")
		first, size := utf8.DecodeRuneInString(before)
		if first == utf8.RuneError || size == len(before) {
			return "…@" + at // of one letter nothing may be left
		}
		return string(first) + "…@" + at
	})
	for _, at := range slices.Backward(phone.FindAllStringSubmatchIndex(text, -1)) {
		text = text[:at[4]] + maskPhone(text[at[4]:at[5]]) + text[at[5]:]
	}
	return text
}

// cutAny cuts a text at the last of the first of the signs that is in it.
func cutAny(text string, signs ...string) (before, after string) {
	for _, sign := range signs {
		if at := strings.LastIndex(text, sign); at >= 0 {
			return text[:at], text[at+len(sign):]
		}
	}
	return text, ""
}

// maskPhone leaves the first two and the last two signs of a number.
func maskPhone(text string) string {
	signs := []rune(text)
	if len(signs) < 6 {
		return "…"
	}
	return string(signs[:2]) + "…" + string(signs[len(signs)-2:])
}

// maskHeader is mask of the value of a header, which may be percent-encoded.
func maskHeader(value string) string {
	if plain, err := url.PathUnescape(value); err == nil && mask(plain) != plain {
		return mask(plain)
	}
	return mask(value)
}

// maskJSON is mask of each text in a JSON document, however it is written, and of
// all that a member holds whose name says that it is a telephone number. What
// stands around the texts stays as it is. A text that is no JSON is masked whole.
func maskJSON(doc []byte) string {
	if !json.Valid(doc) {
		return mask(string(doc))
	}
	var out strings.Builder
	var name string // of the member whose value comes next
	for len(doc) > 0 {
		n := 1
		switch first := doc[0]; {
		case first == '"':
			n = quoted(doc)
			if rest := bytes.TrimLeft(doc[n:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
				_ = json.Unmarshal(doc[:n], &name)
				out.WriteString(rewrite(doc[:n], mask))
			} else {
				out.WriteString(rewrite(doc[:n], maskOf(name)))
			}
		case first == '-' || first >= '0' && first <= '9':
			n = len(doc) - len(bytes.TrimLeft(doc, "0123456789+-.eE"))
			number := string(doc[:n])
			if phoneName.MatchString(name) {
				number = `"` + maskPhone(number) + `"`
			}
			out.WriteString(number)
		default:
			out.WriteByte(first)
		}
		doc = doc[n:]
	}
	return out.String()
}

// maskOf is how the value of a member of that name is masked.
func maskOf(name string) func(string) string {
	switch {
	case phoneName.MatchString(name):
		return maskPhone
	case name == "data_base64":
		return func(string) string { return "(hidden)" }
	default:
		return mask
	}
}

// quoted is the length of the JSON string that doc begins with.
func quoted(doc []byte) int {
	for i := 1; i < len(doc); i++ {
		switch doc[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(doc)
}

// rewrite is a JSON string as change makes it, and as it was where that changes
// nothing.
func rewrite(literal []byte, change func(string) string) string {
	var text string
	if err := json.Unmarshal(literal, &text); err != nil || change(text) == text {
		return string(literal)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // html/template does that
	if err := enc.Encode(change(text)); err != nil {
		return `"(hidden)"`
	}
	return strings.TrimSpace(out.String())
}
