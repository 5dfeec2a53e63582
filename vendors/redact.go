package vendors

import (
	"bytes"
	"encoding/json"
	"maps"
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
	escapes   = regexp.MustCompile(`(\\(u[0-9a-fA-F]{4}|["\\/bfnrt]))+`) // all of a run: a sign may take two
)

// redact prepares a vendor's text for logs and errors. The result has no value of cut (data of the
// request), no secret and no long piece of one, no e-mail address, and at most 512 bytes.
func redact(text string, cut, secrets []string) string {
	text = decoded(text)
	for _, c := range slices.Clone(cut) { // of a form: decoding leaves + for a space
		if d := decoded(c); d != c {
			cut = append(cut, d)
		}
	}
	text = cutSecrets(cutTexts(text, cut), secrets)
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

// errorMessage returns the vendor's message in an error body: the members message, error,
// errors, response.message, detail or scimType, or else the whole body. JSON is encoded again, and escapes in any
// other text are decoded, so no escape hides a value from redact. The message of JSON beyond the
// limits of an error is replaced, because an escape could hide a value there.
func errorMessage(body []byte) string {
	body = body[:min(len(body), maxErrorBody)]
	if err := checkJSON(body, maxErrorValues, maxErrorValues); err != nil && json.Valid(body) {
		return err.Error()
	}
	var tree any
	if json.Unmarshal(body, &tree) != nil {
		return string(escapes.ReplaceAllFunc(body, unescape))
	}
	known, _ := tree.(map[string]any)
	response, _ := member(known, "response").(map[string]any)
	var texts []string
	for _, part := range []any{
		member(known, "message"), member(known, "error"), member(known, "errors"), member(response, "message"),
		member(known, "detail"), member(known, "scimType"), // of SCIM
	} {
		if text := plainText(part); text != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return plainText(tree)
	}
	return strings.Join(texts, " ")
}

// member returns the member of a JSON object with a name, in any case if the exact name is
// missing, or nil.
func member(object map[string]any, name string) any {
	if value, ok := object[name]; ok {
		return value
	}
	for _, other := range slices.Sorted(maps.Keys(object)) {
		if strings.EqualFold(other, name) {
			return object[other]
		}
	}
	return nil
}

// unescape returns the text of a run of escapes. An invalid run is returned unchanged.
func unescape(run []byte) []byte {
	var text string
	if json.Unmarshal(slices.Concat([]byte(`"`), run, []byte(`"`)), &text) != nil {
		return run
	}
	return []byte(text)
}

// plainText returns a JSON value for people: a string without quotes, any other value as JSON
// without needless escapes, and "" for null.
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

// credentialValues returns the values of the headers of a request, other than the standard
// ones: the credentials, with and without a prefix such as "Bearer ".
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

// requestValues returns the texts of a request, as a vendor may repeat them in an error:
// verbatim and query-escaped. Texts of fewer than four bytes are left out, because cutting them
// would garble the message.
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

// visitStrings calls add with every string of a JSON value.
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
