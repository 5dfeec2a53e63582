package vendors

import (
	"crypto/rand"
	"fmt"

	"github.com/rs/zerolog"
)

const redacted = "[redacted]"

// Secret is a credential. It prints as [redacted] in every format; only Reveal
// returns what it holds.
type Secret string

// Reveal returns the secret itself, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }

// String returns [redacted], or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString keeps %#v from printing the secret.
func (s Secret) GoString() string { return s.String() }

// Format keeps every other verb from printing the secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText keeps JSON, YAML and the like from printing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON keeps encoding/json from printing the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalZerologObject keeps the log from printing the secret.
func (s Secret) MarshalZerologObject(e *zerolog.Event) { e.Str("secret", s.String()) }

// UnmarshalText takes the secret from a file or the environment.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = Secret(b)
	return nil
}

// NewPassword makes the password that a vendor demands for a new account. It is
// random, sent once, never stored and never logged; users set their own by the
// vendor's reset. It has lower and upper case, a digit and a sign, since vendors
// do not document their rules.
func NewPassword() Secret {
	return Secret("Aa1-" + rand.Text())
}
