package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRequest is the most of a request's body that a stand-in reads.
const maxRequest = 1 << 20

// stamp is how Miestro and MagLoft write times: no zone.
const stamp = "2006-01-02 15:04:05"

type object = map[string]any

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// accepted tells whether a stand-in takes the credential.
func accepted(credential string) bool {
	return credential != "" && credential != WrongCredential
}

// take reads the request's JSON object into in, and returns whether it is one.
func take(r *http.Request, in any) bool {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	return err == nil && json.Unmarshal(body, in) == nil
}

// number is an integer that may come as a JSON string: PHP and Ruby read both.
type number int

// UnmarshalJSON reads 7 and "7".
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := strconv.Atoi(strings.Trim(string(b), `"`))
	*n = number(v)
	return err
}

// whole returns the text as a number above zero, or else the fallback.
func whole(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return fallback
}

// span returns the part of items that the page shows.
func span[T any](items []T, page, size int) []T {
	from := min((page-1)*size, len(items))
	return items[from:min(from+size, len(items))]
}

// taken returns the status with which the switch refuses an e-mail that is
// taken; ok is false where it does not refuse.
func (s Switches) taken() (status int, ok bool) {
	status, err := strconv.Atoi(s.DuplicateEmail)
	return status, err == nil
}

// refusal is the status with which an update to an e-mail that is taken is
// refused. That a create could answer with the account that is there has no
// counterpart for an update: then it is 422.
func (s Switches) refusal() int {
	if status, ok := s.taken(); ok {
		return status
	}
	return http.StatusUnprocessableEntity
}

// holds tells whether text contains part, case aside.
func holds(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func (c Config) now() string { return c.Clock().UTC().Format(stamp) }

// day is how MagLoft writes the days of a subscription.
func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}
