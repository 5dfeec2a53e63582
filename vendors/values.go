package vendors

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Int is an integer in a vendor's JSON, as a number or a string. null and "" are 0.
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

// Flag is a boolean in a vendor's JSON, as true or 1, with or without quotes. Every other
// value, null included, is false.
type Flag bool

// UnmarshalJSON reads true, "true", 1 and "1" as true.
func (f *Flag) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	*f = text == "true" || text == "1"
	return nil
}

// ParseID returns the number in an id, for a vendor that numbers accounts and courses from 1
// on. of is "account" or "course". Any other id is a permanent Error of the call op.
func ParseID(vendor, op, of, id string) (int, error) {
	if n, err := strconv.Atoi(id); err == nil && n > 0 {
		return n, nil
	}
	message := fmt.Sprintf("the id of the %s is %.40q, which is not a number from 1 on", of, id)
	if of == "course" {
		message += ": correct the id under courses in the configuration"
	}
	return 0, Fail(vendor, op, message)
}
