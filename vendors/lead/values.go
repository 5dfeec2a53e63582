package lead

import (
	"bytes"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Number is an integer, as a number or a string. null and other text are 0.
type Number int

// UnmarshalJSON reads 7, "7", 7.0 and null.
func (n *Number) UnmarshalJSON(b []byte) error {
	var v vendors.Int
	if v.UnmarshalJSON(b) != nil {
		v = 0
	}
	*n = Number(v)
	return nil
}

// Time is a time in one of LEAD's two forms, which occur within one object: 2023-08-28 19:08:08
// (no zone, read as UTC) and 2020-02-18T02:17:55.000000Z. null and other text are the zero
// time.
type Time struct{ time.Time }

// UnmarshalJSON reads both forms and null.
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

// text returns a JSON scalar without quotes.
func text(b []byte) string { return strings.Trim(string(bytes.TrimSpace(b)), `"`) }
