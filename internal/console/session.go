package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	cookieName  = "usher_console"
	secureName  = "__Host-usher_console" // with TLS: browsers take the name from no other host and path
	sessionTime = 12 * time.Hour
)

// visitor is the person behind a request.
type visitor struct {
	Name     string
	Operator bool
	Open     bool      // of a console without tokens and without logout
	rights   Rights    // of an operator
	expires  time.Time // zero: never
	csrf     string    // the key in every form of the session
}

// session is the content of a cookie, signed with a key derived from the token of the person. All
// processes with the same configuration accept the cookie, until the token changes.
type session struct {
	Name     string `json:"n"`
	Operator bool   `json:"o"`
	Expires  int64  `json:"e"` // in Unix seconds
	Nonce    string `json:"r"`
}

// signature returns a signature of text with a key derived from the token for one use only.
func (p Person) signature(use, text string) []byte {
	return sign(sign([]byte(p.Token.Reveal()), "usher console "+use), text)
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func newSessionOf(name string, isOperator bool, expires time.Time) session {
	return session{Name: name, Operator: isOperator, Expires: expires.Unix(), Nonce: rand.Text()}
}

// newSession returns the value of the cookie of a person.
func newSession(p Person, now time.Time) (string, error) {
	text, err := json.Marshal(newSessionOf(p.Name, p.Operator, now.Add(sessionTime)))
	if err != nil {
		return "", err
	}
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + base64.RawURLEncoding.EncodeToString(p.signature("session", body)), nil
}

// readSession returns the visitor of a cookie. A cookie with a former name or role of a person is
// not valid.
func readSession(value string, people []Person, now time.Time) (visitor, bool) {
	body, given, ok := strings.Cut(value, ".")
	mac, err := base64.RawURLEncoding.DecodeString(given)
	if !ok || err != nil {
		return visitor{}, false
	}
	for _, p := range people {
		if !hmac.Equal(mac, p.signature("session", body)) {
			continue
		}
		var s session
		text, err := base64.RawURLEncoding.DecodeString(body)
		if err != nil || json.Unmarshal(text, &s) != nil || s.Name != p.Name || s.Operator != p.Operator {
			return visitor{}, false
		}
		v := visitor{Name: p.Name, Operator: p.Operator, rights: p.Rights, expires: time.Unix(s.Expires, 0)}
		v.csrf = hex.EncodeToString(p.signature("form", body))
		return v, now.Before(v.expires)
	}
	return visitor{}, false
}

// personOf returns the person with a token. All tokens are compared, so that the time taken
// reveals nothing.
func personOf(token string, people []Person) (Person, bool) {
	given := sha256.Sum256([]byte(token))
	found := -1
	for i, p := range people {
		known := sha256.Sum256([]byte(p.Token.Reveal()))
		if subtle.ConstantTimeCompare(given[:], known[:]) == 1 {
			found = i
		}
	}
	if found < 0 || token == "" {
		return Person{}, false
	}
	return people[found], true
}

// secure reports whether the browser uses TLS. Behind a proxy, the proxy terminates TLS.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// cookie returns the cookie of a session.
func cookie(r *http.Request, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName, Value: value, Path: root, MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if secure(r) {
		c.Name, c.Path, c.Secure = secureName, "/", true // as the prefix requires
	}
	return c
}

// sessionOf returns the cookie of a session in a request. With TLS only the cookie with the prefix
// counts.
func sessionOf(r *http.Request) string {
	name := cookieName
	if secure(r) {
		name = secureName
	}
	given, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return given.Value
}

// endedSessions are the sessions that ended at a log-out in this process, until they expire.
type endedSessions struct {
	mu   sync.Mutex
	keys map[string]time.Time // form key to expiry
}

// end ends the session of a visitor.
func (s *endedSessions) end(v visitor, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.keys, func(_ string, expires time.Time) bool { return now.After(expires) })
	if s.keys == nil {
		s.keys = map[string]time.Time{}
	}
	s.keys[v.csrf] = v.expires
}

// has reports whether the session of a visitor has ended.
func (s *endedSessions) has(v visitor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.keys[v.csrf]
	return ok
}
