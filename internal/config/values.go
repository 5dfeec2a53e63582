package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Sync is how often the embedded server flushes files to disk: periodically, or before every
// acknowledgement (SyncAlways). The text form is "always" or a duration.
type Sync time.Duration

// SyncAlways flushes every message before the acknowledgement.
const SyncAlways Sync = 0

// UnmarshalText reads "always" or a duration above zero.
func (s *Sync) UnmarshalText(text []byte) error {
	if string(text) == "always" {
		*s = SyncAlways
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return errors.New(`neither "always" nor a duration above zero`)
	}
	*s = Sync(d)
	return nil
}

// String returns the input form of UnmarshalText.
func (s Sync) String() string {
	if s == SyncAlways {
		return "always"
	}
	return time.Duration(s).String()
}

// Bytes is a size, as a number, or with KiB, MiB, GiB or TiB (KB and so on are the same).
type Bytes int64

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	const units = "KMGT"
	number := strings.ToUpper(strings.TrimSpace(string(text)))
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	shift := 0
	if n := len(number); n > 0 {
		if i := strings.IndexByte(units, number[n-1]); i >= 0 {
			shift, number = 10*(i+1), number[:n-1]
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return errors.New("not a size such as 10GiB")
	}
	*b = Bytes(n << shift)
	return nil
}

// String returns the size in the largest unit without a remainder.
func (b Bytes) String() string {
	n, unit := int64(b), ""
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, next
	}
	return fmt.Sprintf("%d%s", n, unit)
}

// Tokens is a list of secrets: a list in the file; separated by commas or line ends in the
// environment.
type Tokens []vendors.Secret

// Bytes returns the tokens as keys.
func (t Tokens) Bytes() (keys [][]byte) {
	for _, token := range t {
		keys = append(keys, []byte(token.Reveal()))
	}
	return keys
}

// UnmarshalText reads tokens separated by commas or line ends, ignoring spaces around tokens.
func (t *Tokens) UnmarshalText(text []byte) error {
	*t = nil
	parts := strings.FieldsFunc(string(text), func(r rune) bool { return r == ',' || r == '\n' })
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			*t = append(*t, vendors.Secret(part))
		}
	}
	return nil
}

// String returns [redacted] for each token.
func (t Tokens) String() string {
	out := make([]string, len(t))
	for i, token := range t {
		out[i] = token.String()
	}
	return strings.Join(out, ", ")
}
