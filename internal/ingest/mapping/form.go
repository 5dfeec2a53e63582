package mapping

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// formType is the media type of a form.
const formType = "application/x-www-form-urlencoded"

// maxFields bounds the fields of a form.
const maxFields = 1000

// unwrap returns the JSON of a delivery. A form with a field payload, as GitHub and others send
// JSON, becomes the JSON in the field; another form becomes an object with a text for each field,
// and a list of texts for a repeated field. An error is an *Error.
func unwrap(header http.Header, body []byte) ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	start := bytes.TrimLeft(body, " \t\r\n\ufeff")
	if kind != formType || bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("[")) {
		return body, nil // JSON, even if the media type says form
	}
	if bytes.Count(body, []byte("&")) >= maxFields {
		return nil, &Error{Key: "body", Problem: "is a form with too many fields"}
	}
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &Error{Key: "body", Problem: "is not a form of " + formType}
	}
	if payload := fields["payload"]; len(fields) == 1 && len(payload) == 1 {
		return []byte(payload[0]), nil
	}
	all := make(map[string]any, len(fields))
	for name, values := range fields {
		for _, text := range append([]string{name}, values...) {
			if !utf8.ValidString(text) {
				return nil, &Error{Key: "body", Problem: "is a form in another encoding than UTF-8"}
			}
		}
		if all[name] = any(values[0]); len(values) > 1 {
			all[name] = values
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, &Error{Key: "body", Problem: "is a form without a JSON form"}
	}
	return text, nil
}
