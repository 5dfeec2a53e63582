// Package bounded limits the memory that texts from outside can take: JSON is counted before
// decoding, and few large texts are decoded at a time.
package bounded

import (
	"cmp"
	"fmt"
	"math"
)

// JSON has the limits of a JSON text; zero is no limit. A value of few bytes can take a thousand
// times as many in memory: [{},{}] has three bytes for each element, and a decoded user has 700.
type JSON struct {
	Levels int // of arrays and objects
	Values int // on all levels
	Items  int // elements of all arrays outside other arrays
	Number int // bytes of a number
}

// Check returns an error if a text exceeds a limit, in words such as "more than 64 levels of
// JSON". Check allocates nothing, and leaves the syntax to encoding/json: a text that is no JSON
// may pass.
func (l JSON) Check(text []byte) error {
	l = l.complete()
	var inArray uint64 // for each of 64 levels, the innermost last: whether the level is an array
	depth, seen, listed, run := 0, 1, 0, 0
	for i := 0; i < len(text); i++ {
		b := text[i]
		run++
		switch b {
		case '"':
			i, run = endOfString(text, i), 0
		case '[', '{':
			inArray <<= 1
			if b == '[' {
				inArray |= 1
			}
			depth, seen, run = depth+1, seen+1, 0
		case ']', '}':
			inArray >>= 1
			depth, run = max(0, depth-1), 0
		case ',':
			seen, run = seen+1, 0
		case ':', ' ', '\t', '\r', '\n':
			run = 0
		}
		if inArray == 1 && (b == '[' || b == ',') {
			listed++
		}
		switch {
		case depth > l.Levels:
			return fmt.Errorf("more than %d levels of JSON", l.Levels)
		case seen > l.Values:
			return fmt.Errorf("more than %d JSON values", l.Values)
		case listed > l.Items:
			return fmt.Errorf("more than %d list items, unlike the request", l.Items)
		case run > l.Number:
			return fmt.Errorf("a number of more than %d bytes", l.Number)
		}
	}
	return nil
}

// complete returns the limits with the largest number for each limit of zero.
func (l JSON) complete() JSON {
	return JSON{
		Levels: cmp.Or(l.Levels, math.MaxInt), Values: cmp.Or(l.Values, math.MaxInt),
		Items: cmp.Or(l.Items, math.MaxInt), Number: cmp.Or(l.Number, math.MaxInt),
	}
}

// endOfString returns the index of the closing quote of the string that begins at i, or the last
// index of the text.
func endOfString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(text) - 1
}
