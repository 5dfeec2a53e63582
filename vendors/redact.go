package vendors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const maxMessage = 512

var (
	emailLike = regexp.MustCompile(`[^\s"'<>,;:()\[\]{}]+@[^\s"'<>,;()\[\]{}]+`)
	escapes   = regexp.MustCompile(`(\\u[0-9a-fA-F]{4})+`) // all of a run: a sign may take two
)

// clean makes a vendor's words fit for a log: whatever we sent (names, e-mail,
// password), what looks like an e-mail, and our credentials are cut out, and
// no more than 512 bytes are kept.
func redact(text string, cut []string) string {
	// The longest first: a name that is cut out of an e-mail would leave the rest of it.
	cut = slices.SortedFunc(slices.Values(cut), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
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
// under message, error, errors or response.message, or else the body as it is.
// What is JSON is written anew, and of what is not, or only a part of it, the escapes
// are read: none hides a text from clean.
func errorMessage(body []byte) string {
	var known struct {
		Message  any `json:"message"`
		Error    any `json:"error"`
		Errors   any `json:"errors"`
		Response struct {
			Message any `json:"message"`
		} `json:"response"`
	}
	var tree any
	if json.Unmarshal(body, &tree) != nil {
		return string(escapes.ReplaceAllFunc(body, unescape))
	}
	if json.Unmarshal(body, &known) != nil {
		return plainText(tree)
	}
	var said []string
	for _, part := range []any{known.Message, known.Error, known.Errors, known.Response.Message} {
		if text := plainText(part); text != "" {
			said = append(said, text)
		}
	}
	if len(said) == 0 {
		return plainText(tree)
	}
	return strings.Join(said, " ")
}

// unescape is the text of escapes; they stay where they are none.
func unescape(run []byte) []byte {
	var text string
	if json.Unmarshal(slices.Concat([]byte(`"`), run, []byte(`"`)), &text) != nil {
		return run
	}
	return []byte(text)
}

// plainText is a JSON value as people read it: a string without its quotes,
// anything else as JSON without needless escapes, and nothing for null.
func plainText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(value)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// worn returns the values of the headers that a request was sent with: the
// credentials, alone and with the word before them.
func credentialValues(h http.Header) []string {
	var out []string
	for name, values := range h {
		if name == "Accept" || name == "User-Agent" || name == "Content-Type" {
			continue
		}
		for _, v := range values {
			_, token, _ := strings.Cut(v, " ")
			for _, s := range []string{v, token} {
				if len(s) >= 4 {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// leaves returns the texts in a request: what a vendor might echo in an error,
// as they are and as they stand in a query.
// Texts of fewer than four bytes are left out: they would cut up the message.
func requestValues(query, form url.Values, body []byte) []string {
	var out []string
	add := func(s string) {
		if len(s) >= 4 {
			out = append(out, s, url.QueryEscape(s))
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
		visitStrings(tree, add)
	}
	return out
}

func visitStrings(node any, add func(string)) {
	switch node := node.(type) {
	case string:
		add(node)
	case []any:
		for _, v := range node {
			visitStrings(v, add)
		}
	case map[string]any:
		for _, v := range node {
			visitStrings(v, add)
		}
	}
}
