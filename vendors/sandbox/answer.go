package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRequest is the number of bytes read of a request body.
const maxRequest = 1 << 20

// stamp is the time format of Miestro and MagLoft, without a zone.
const stamp = "2006-01-02 15:04:05"

type object = map[string]any

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	answerAs(w, status, v)
}

// answerAs writes v as JSON, with the media type in the header.
func answerAs(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// validCredential reports whether a fake accepts the credential.
func validCredential(credential string) bool {
	return credential != "" && credential != WrongCredential
}

// decode decodes the JSON object of a request into in, and reports whether that succeeded.
func decode(r *http.Request, in any) bool {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	return err == nil && json.Unmarshal(body, in) == nil
}

// number is an integer, as a JSON number or string, like in PHP and Ruby.
type number int

// UnmarshalJSON reads 7 and "7".
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := strconv.Atoi(strings.Trim(string(b), `"`))
	*n = number(v)
	return err
}

// positive returns the positive number in text, or else the fallback.
func positive(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return fallback
}

// span returns the items of a page.
func span[T any](items []T, page, size int) []T {
	from := min((page-1)*size, len(items))
	return items[from:min(from+size, len(items))]
}

// taken returns the status that rejects a taken e-mail. ok is false if the switch does not
// reject.
func (s Switches) taken() (status int, ok bool) {
	status, err := strconv.Atoi(s.DuplicateEmail)
	return status, err == nil
}

// refusal returns the status that rejects an update to a taken e-mail: 422 if the switch does
// not reject creations.
func (s Switches) refusal() int {
	if status, ok := s.taken(); ok {
		return status
	}
	return http.StatusUnprocessableEntity
}

// containsFold reports whether text contains part, ignoring case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func (c Config) now() string { return c.Clock().UTC().Format(stamp) }

// isDay reports whether text is a date in MagLoft's format.
func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}
