package vendors

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Int is an integer in a vendor's JSON, as a number or a string, with or without zeros after the
// point. null, false and "" are 0.
type Int int

// UnmarshalJSON reads 15, "15", 15.0, 1.5e1, "", false and null, without a loss of digits.
func (n *Int) UnmarshalJSON(b []byte) error {
	text := scalar(b)
	if text == "null" || text == "false" || text == "" {
		*n = 0
		return nil
	}
	v, err := wholeNumber(text)
	if err != nil {
		return err
	}
	*n = Int(v)
	return nil
}

// scalar returns a JSON scalar without quotes and surrounding blanks.
func scalar(b []byte) string { return strings.Trim(string(b), `"`+blanks) }

// decimal is a decimal number with an exponent of few digits: a longer exponent costs memory.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?$`)

// wholeNumber returns the exact value of a decimal number without a fraction.
func wholeNumber(text string) (int, error) {
	if n, err := strconv.Atoi(text); err == nil {
		return n, nil
	}
	if len(text) > maxNumber || !decimal.MatchString(text) {
		return 0, errNotWhole
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, errNotWhole
	}
	return int(r.Num().Int64()), nil
}

// Flag is a boolean in a vendor's JSON, as true or 1, with or without quotes. Every other
// value, null included, is false.
type Flag bool

// UnmarshalJSON reads true, "true", 1, "1" and 1.0 as true.
func (f *Flag) UnmarshalJSON(b []byte) error {
	text := scalar(b)
	n, err := wholeNumber(text)
	*f = Flag(strings.EqualFold(text, "true") || (err == nil && n == 1))
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
		return 0, FailCourse(vendor, op, message)
	}
	return 0, Fail(vendor, op, message)
}
