package vendors

import (
	"errors"
	"strconv"
	"strings"
)

// Int is a whole number in a vendor's JSON that may come as a string; null and
// the empty string are 0.
type Int int

// UnmarshalJSON reads 15, "15", "" and null.
func (n *Int) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" || text == "" {
		*n = 0
		return nil
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("not a whole number")
	}
	*n = Int(v)
	return nil
}

// Flag is a yes or no in a vendor's JSON, which may come as false and true or
// as 0 and 1, in quotes or not. All else, null too, is no.
type Flag bool

// UnmarshalJSON reads true, "true", 1 and "1" as yes.
func (f *Flag) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	*f = text == "true" || text == "1"
	return nil
}
