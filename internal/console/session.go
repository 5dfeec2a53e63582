package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const (
	cookieName  = "usher_console"
	sessionTime = 12 * time.Hour
)

// visitor is who makes a request.
type visitor struct {
	Name     string
	Operator bool
	Open     bool      // of a console without tokens: there is nothing to log out of
	expires  time.Time // zero: never
	csrf     string    // what every form of the session bears
}

// session is what a cookie says. It is signed with a key made of the person's
// token: any process with the same configuration takes it, and none does once the
// token is another.
type session struct {
	Name     string `json:"n"`
	Operator bool   `json:"o"`
	Expires  int64  `json:"e"` // in Unix seconds
	Nonce    string `json:"r"`
}

// signature of text with a key that is made of the token for one use only.
func (p Person) signature(use, text string) []byte {
	return sign(sign([]byte(p.Token.Reveal()), "usher console "+use), text)
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// newSession returns the value of the cookie of a person.
func newSession(p Person, now time.Time) (string, error) {
	text, err := json.Marshal(session{Name: p.Name, Operator: p.Operator, Expires: now.Add(sessionTime).Unix(), Nonce: rand.Text()})
	if err != nil {
		return "", err
	}
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + base64.RawURLEncoding.EncodeToString(p.signature("session", body)), nil
}

// readSession returns who a cookie is of. It counts for one of people as they are
// configured now: a former role or name is nobody's.
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
		v := visitor{Name: p.Name, Operator: p.Operator, expires: time.Unix(s.Expires, 0)}
		v.csrf = hex.EncodeToString(p.signature("form", body))
		return v, now.Before(v.expires)
	}
	return visitor{}, false
}

// personOf finds the person by a token. It compares all of them, so that the time
// that it takes says nothing.
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

// cookie is the session's. Behind a proxy it is the proxy that speaks TLS.
func cookie(r *http.Request, value string, age time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever TLS is spoken
		Name: cookieName, Value: value, Path: root, MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	}
}
