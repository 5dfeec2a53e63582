package vendors

import (
	"crypto/rand"
	"fmt"

	"github.com/rs/zerolog"
)

const redacted = "[redacted]"

// Secret is a credential. Every format prints [redacted]; only Reveal returns the value.
type Secret string

// Reveal returns the value. Call Reveal only to send the secret.
func (s Secret) Reveal() string { return string(s) }

// String returns [redacted], or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString returns String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format writes String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText returns String, for YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns String as JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalZerologObject logs String.
func (s Secret) MarshalZerologObject(e *zerolog.Event) { e.Str("secret", s.String()) }

// UnmarshalText sets the value from a file or the environment.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = Secret(b)
	return nil
}

// NewPassword returns a random password for a new account, for vendors that require a password.
// The password is sent once, never stored and never logged; users set their own by the vendor's
// reset. Lower and upper case, a digit and a sign satisfy undocumented password rules.
func NewPassword() Secret {
	return Secret("Aa1-" + rand.Text())
}
