package vendors

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// pieceBytes is the shortest piece of a secret that is cut.
const pieceBytes = 8

// percents is a run of percent-encoded bytes.
var percents = regexp.MustCompile(`(%[0-9A-Fa-f]{2})+`)

// decoded returns a text without the encodings that could hide a value: entities of HTML, and
// percent-encoding of valid UTF-8. A vendor may have encoded twice.
func decoded(text string) string {
	for range 2 {
		text = percents.ReplaceAllStringFunc(html.UnescapeString(text), func(run string) string {
			plain, err := url.PathUnescape(run)
			if err != nil || !utf8.ValidString(plain) {
				return run
			}
			return plain
		})
	}
	return text
}

// cutSecrets replaces secrets in a text: in any case, in base64 and hex, and pieces of at least
// pieceBytes.
func cutSecrets(text string, secrets []string) string {
	var forms []string
	for _, secret := range secrets {
		for _, form := range formsOf(secret) {
			forms = append(forms, sameCase(form))
		}
	}
	plain := sameCase(text)
	return cutPlaces(text, func(at int) int {
		if at+pieceBytes > len(plain) {
			return 0
		}
		piece := plain[at : at+pieceBytes]
		if slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(form, piece) }) {
			return pieceBytes
		}
		return 0
	})
}

// formsOf returns the forms of a secret in the texts of vendors: as it is, in hex, and in base64,
// also as a part of a longer text, at each of three offsets.
func formsOf(secret string) []string {
	forms := []string{secret, hex.EncodeToString([]byte(secret))}
	for offset := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + secret))
		begin := (offset*8 + 5) / 6 // characters with bits of the text before
		forms = append(forms, text[min(begin, len(text)):])
	}
	return forms
}

// sameCase returns a text of the same length in lower case, with one alphabet of base64.
func sameCase(text string) string {
	b := []byte(text)
	for i, c := range b {
		switch {
		case 'A' <= c && c <= 'Z':
			b[i] = c + 'a' - 'A'
		case c == '-':
			b[i] = '+'
		case c == '_':
			b[i] = '/'
		}
	}
	return string(b)
}
