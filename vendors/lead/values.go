package lead

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Number is a whole number that may come in quotes. null, and what is no number, is 0.
type Number int

// UnmarshalJSON reads 7, "7" and null.
func (n *Number) UnmarshalJSON(b []byte) error {
	v, err := strconv.Atoi(text(b))
	if err != nil {
		v = 0
	}
	*n = Number(v)
	return nil
}

// Time is a time in one of the two ways that LEAD writes them, within one
// object: 2023-08-28 19:08:08 (no zone, taken for UTC) and
// 2020-02-18T02:17:55.000000Z. null, and what is no time, is the zero time.
type Time struct{ time.Time }

// UnmarshalJSON reads both ways and null.
func (t *Time) UnmarshalJSON(b []byte) error {
	t.Time = time.Time{}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime} {
		if v, err := time.Parse(layout, text(b)); err == nil {
			t.Time = v.UTC()
			return nil
		}
	}
	return nil
}

// text is a JSON scalar without its quotes.
func text(b []byte) string { return strings.Trim(string(bytes.TrimSpace(b)), `"`) }
