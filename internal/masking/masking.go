// Package masking hides e-mail addresses and telephone numbers in texts from outside, for the console
// and the commands.
package masking

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// address matches e-mail addresses, plain or percent-encoded.
var address = regexp.MustCompile(`[^\s"'<>@,;:()\[\]\\/=&%]+(?:%[0-9A-Fa-f]{2}[^\s"'<>@,;:()\[\]\\/=&%]*)*(?:@|%40)([\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?)`)

// phone matches telephone numbers that start with + or 00, or with a zero and in groups. Dates,
// plain numbers and parts of a UUID do not match.
var phone = regexp.MustCompile(`(^|[^\w+-])((?:\+|00)\d[\d ()/.-]{5,}\d|\(0\d+\)[\d /.-]{4,}\d|0\d{2,5}[ /-]\d[\d /-]{3,}\d)`)

// phoneName matches names of members with telephone numbers.
var phoneName = regexp.MustCompile(`(?i)phone|mobile|\btel\b|telefon|fax`)

// Text masks the e-mail addresses and telephone numbers in a text: a…@example.org is left of an
// address.
func Text(text string) string {
	text = address.ReplaceAllStringFunc(text, func(found string) string {
		before, at := cutAny(found, "@", "%40")
		return firstLetter(before) + "…@" + at
	})
	for _, at := range slices.Backward(phone.FindAllStringSubmatchIndex(text, -1)) {
		text = text[:at[4]] + maskPhone(text[at[4]:at[5]]) + text[at[5]:]
	}
	return text
}

// ID masks an id that is an e-mail address. Other ids stay.
func ID(id string) string {
	if !strings.Contains(id, "@") {
		return id
	}
	return Text(id)
}

// Email masks a value that should be an e-mail address. Of a value without an address, the first
// letter is left.
func Email(value string) string {
	masked := Text(value)
	if masked != value || value == "" {
		return masked
	}
	return firstLetter(value) + "…"
}

// firstLetter returns the first letter of a text. A text of one letter is hidden as a whole.
func firstLetter(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if first == utf8.RuneError || size == len(text) {
		return ""
	}
	return string(first)
}

// cutAny cuts a text at the last occurrence of the first sign found.
func cutAny(text string, signs ...string) (before, after string) {
	for _, sign := range signs {
		if at := strings.LastIndex(text, sign); at >= 0 {
			return text[:at], text[at+len(sign):]
		}
	}
	return text, ""
}

// maskPhone returns a number with only its first two and last two characters.
func maskPhone(text string) string {
	signs := []rune(text)
	if len(signs) < 6 {
		return "…"
	}
	return string(signs[:2]) + "…" + string(signs[len(signs)-2:])
}

// Header masks the value of a header, plain or percent-encoded.
func Header(value string) string {
	if plain, err := url.PathUnescape(value); err == nil && Text(plain) != plain {
		return Text(plain)
	}
	return Text(value)
}

// JSON masks each string of a JSON document, and the values of members with a name for
// telephone numbers. All other bytes stay. A text that is not JSON is masked as a whole.
func JSON(doc []byte) string {
	if !json.Valid(doc) {
		return Text(string(doc))
	}
	var out strings.Builder
	var name string // of the member before the next value
	for len(doc) > 0 {
		n := 1
		switch first := doc[0]; {
		case first == '"':
			n = quoted(doc)
			if rest := bytes.TrimLeft(doc[n:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
				_ = json.Unmarshal(doc[:n], &name)
				out.WriteString(rewrite(doc[:n], Text))
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

// maskOf returns the function that masks the value of a member of this name.
func maskOf(name string) func(string) string {
	switch {
	case phoneName.MatchString(name):
		return maskPhone
	case name == "data_base64":
		return func(string) string { return "(hidden)" }
	default:
		return Text
	}
}

// quoted returns the length of the JSON string at the start of doc.
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

// rewrite returns a JSON string changed by change. An unchanged text keeps its original bytes.
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
