package vendors

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

const maxMessage = 512

var emailLike = regexp.MustCompile(`[^\s"'<>,;:()\[\]{}]+@[^\s"'<>,;()\[\]{}]+`)

// clean makes a vendor's words fit for a log: whatever we sent (names, e-mail,
// password), what looks like an e-mail, and our credentials are cut out, and
// no more than 512 bytes are kept.
func clean(text string, cut []string) string {
	for _, c := range cut {
		text = strings.ReplaceAll(text, c, redacted)
	}
	text = emailLike.ReplaceAllString(text, redacted)
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) <= maxMessage {
		return text
	}
	text = text[:maxMessage-len("…")]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// words returns the vendor's own message out of an error body: what stands
// under message, error or response.message, or else the body as it is.
func words(body []byte) string {
	var known struct {
		Message  string          `json:"message"`
		Error    json.RawMessage `json:"error"`
		Errors   json.RawMessage `json:"errors"`
		Response struct {
			Message string `json:"message"`
		} `json:"response"`
	}
	if json.Unmarshal(body, &known) != nil {
		return string(body)
	}
	parts := []string{known.Message, strings.Trim(string(known.Error), `"`), string(known.Errors), known.Response.Message}
	said := strings.TrimSpace(strings.Join(parts, " "))
	if said == "" {
		return string(body)
	}
	return said
}

// leaves returns the texts in a request: what a vendor might echo in an error.
// Texts of fewer than four bytes are left out: they would cut up the message.
func leaves(query, form url.Values, body []byte) []string {
	var out []string
	add := func(s string) {
		if len(s) >= 4 {
			out = append(out, s)
		}
	}
	for _, values := range []url.Values{query, form} {
		for _, list := range values {
			for _, v := range list {
				_, inner, _ := strings.Cut(v, "=")
				add(v)
				add(inner)
			}
		}
	}
	var tree any
	if json.Unmarshal(body, &tree) == nil {
		walk(tree, add)
	}
	return out
}

func walk(node any, add func(string)) {
	switch node := node.(type) {
	case string:
		add(node)
	case []any:
		for _, v := range node {
			walk(v, add)
		}
	case map[string]any:
		for _, v := range node {
			walk(v, add)
		}
	}
}
