package vendors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// blanks are the characters around a JSON text that mean nothing: white space, and the byte order
// mark that an editor left in a file of the vendor's program.
const blanks = " \t\r\n\ufeff"

// trimBody returns the text of a body without blanks, or an error for another encoding than UTF-8.
func trimBody(body []byte) ([]byte, error) {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "\x00", "{\x00", "[\x00"} {
		if bytes.HasPrefix(body, []byte(mark)) {
			return nil, errors.New("the response is UTF-16 or UTF-32, want UTF-8")
		}
	}
	return bytes.Trim(body, blanks), nil
}

// isMarkup reports whether a trimmed body is HTML or XML: an error page, a log-in page, or a
// warning of PHP before the JSON.
func isMarkup(body []byte) bool { return bytes.HasPrefix(body, []byte("<")) }

// decode decodes a trimmed body into out, by the vendor's document or else with the liberties of
// fit. An error names the place and no value.
func decode(body []byte, out any) error {
	if json.Unmarshal(body, out) == nil {
		return nil
	}
	target := reflect.ValueOf(out).Elem()
	target.SetZero()
	tree, err := parse(body)
	if err != nil {
		return err
	}
	fitted, err := fit(tree, target.Type(), "")
	if err != nil {
		return err
	}
	again, err := json.Marshal(fitted)
	if err == nil {
		err = json.Unmarshal(again, out)
	}
	if err != nil {
		target.SetZero()
		return errors.New("the response is not the JSON of the vendor's document")
	}
	return nil
}

// parse returns the JSON value in body, with numbers as json.Number.
func parse(body []byte) (any, error) {
	if json.Valid(body) {
		t := tree{text: body}
		return t.value(), nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err := d.Decode(new(any))
	if err == nil {
		return nil, fmt.Errorf("the response goes on after the JSON, at byte %d", d.InputOffset())
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, fmt.Errorf("the response is no JSON at byte %d", e.Offset)
	}
	return nil, errors.New("the response ends within the JSON")
}

// emptyBodies are the texts of a response without content: PHP writes an empty object as [].
var emptyBodies = [][]byte{nil, []byte("null"), []byte("[]"), []byte("{}")}

// isEmpty reports whether a trimmed body has no content.
func isEmpty(body []byte) bool {
	for _, empty := range emptyBodies {
		if bytes.Equal(body, empty) {
			return true
		}
	}
	return len(body) <= 8 && bytes.ContainsAny(body, "[{") && len(bytes.Trim(body, "[]{}"+blanks)) == 0
}

// isNobody reports whether a trimmed body shows no account: no content, or an object without
// content in each member, such as {"user":null}. A status of success or 404 may stand beside.
func isNobody(body []byte) bool {
	if isEmpty(body) {
		return true
	}
	const most = 256 // bytes: the body of an account is longer
	if len(body) > most {
		return false
	}
	tree, err := parse(body)
	members, isObject := tree.(map[string]any)
	if err != nil || !isObject {
		return false
	}
	nothing := false
	for _, value := range members {
		switch value := value.(type) {
		case nil:
			nothing = true
		case []any:
			nothing = nothing || len(value) == 0
			if len(value) > 0 {
				return false
			}
		case map[string]any:
			nothing = nothing || len(value) == 0
			if len(value) > 0 {
				return false
			}
		case json.Number:
			if value != "200" && value != "404" {
				return false
			}
		default:
			if value != true {
				return false
			}
		}
	}
	return nothing
}

// DecodeJSON decodes a JSON text into out, with the liberties of a vendor's response.
func DecodeJSON(text []byte, out any) error { return decode(text, out) }

// ParseJSON returns the JSON value of a response, numbers as json.Number, within the limits of
// responses. items is the requested number of list items; 0 if unknown.
func ParseJSON(body []byte, items int) (any, error) {
	if err := checkJSON(body, maxValues, itemLimit(items)); err != nil {
		return nil, err
	}
	return parse(body)
}
