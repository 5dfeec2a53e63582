package sandbox

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Trouble is a fault of the calls for some users.
type Trouble struct {
	// User is a part of the user's id or e-mail, such as "@sick.example.org"; "" for every
	// call. Path, query and body of a call are searched for User, so a call with only the
	// vendor's own id is not affected.
	User       string
	Status     int           // of the response, without effect; 0: the call is carried out
	RetryAfter time.Duration // header Retry-After, in whole seconds; 0: no header
	Delay      time.Duration // before each call, in addition to the latency
}

// timedTrouble is a Trouble with an end.
type timedTrouble struct {
	Trouble

	until time.Time
}

// SetTrouble applies t to some users' calls of a vendor, for the time span. A later call
// replaces the trouble; Control with mode "ok" ends the trouble. An unknown vendor and an
// invalid trouble are errors.
func (s *Sandbox) SetTrouble(name string, t Trouble, span time.Duration) error {
	switch {
	case t.Status != 0 && (t.Status < 400 || t.Status > 599):
		return fmt.Errorf("status: %d is not from 400 to 599", t.Status)
	case t.Delay < 0 || t.RetryAfter < 0:
		return errors.New("delay, retry_after: a negative duration")
	}
	v, err := s.vendor(name)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trouble = timedTrouble{Trouble: t, until: time.Now().Add(span)}
	return nil
}

// parseTrouble parses the query of POST /control/{vendor}?mode=trouble.
func parseTrouble(q url.Values) (t Trouble, err error) {
	var faults [3]error
	t.User = q.Get("user")
	t.Status, faults[0] = strconv.Atoi(cmp.Or(q.Get("status"), "0"))
	t.RetryAfter, faults[1] = time.ParseDuration(cmp.Or(q.Get("retry_after"), "0s"))
	t.Delay, faults[2] = time.ParseDuration(cmp.Or(q.Get("delay"), "0s"))
	return t, errors.Join(faults[:]...)
}

// troubleOf returns the trouble of a call, or the zero value.
func (v *vendor) troubleOf(r *http.Request) Trouble {
	v.mu.Lock()
	current := v.trouble
	v.mu.Unlock()
	if !time.Now().Before(current.until) || !names(r, current.User) {
		return Trouble{}
	}
	return current.Trouble
}

// names reports whether path, query or body of a call contains the text. The body stays
// readable.
func names(r *http.Request, text string) bool {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if strings.Contains(r.URL.Path, text) || (err == nil && strings.Contains(query, text)) {
		return true
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest)) // a truncated body is not JSON either
	r.Body = io.NopCloser(bytes.NewReader(body))
	return bytes.Contains(body, []byte(text))
}

// answer answers a call with the trouble.
func (t Trouble) answer(w http.ResponseWriter) {
	if t.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(t.RetryAfter/time.Second)))
	}
	answer(w, t.Status, map[string]string{"message": http.StatusText(t.Status)})
}
