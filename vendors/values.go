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
