package vendors

import "fmt"

// The limits of the JSON in a response. A value of few bytes can take a thousand times as many
// in memory: [{},{}] has three bytes for each element, and a decoded user has 700 (docs/design.md, rule 6.9).
const (
	maxDepth       = 64     // levels of arrays and objects
	maxNumber      = 128    // bytes of a number
	maxValues      = 131072 // values of a successful response: one for 32 bytes of the largest body
	maxErrorValues = 1024   // values of an error
	maxItems       = 10_000 // elements of lists, for a call without Call.Items
	leastItems     = 200    // elements of lists that every call may return: a vendor may ignore the requested size
)

// itemLimit returns the limit of list elements in the response to a call that requested a number of
// items, 0 for an unknown number.
func itemLimit(requested int) int {
	if requested == 0 {
		return maxItems
	}
	return max(2*requested, leastItems)
}

// scanJSON returns an error if the JSON in body exceeds a limit. Items are the elements of all
// arrays outside other arrays. scanJSON allocates nothing, and leaves the syntax to encoding/json:
// a text that is no JSON may pass.
func scanJSON(body []byte, values, items int) error {
	var inArray uint64 // for each level, the innermost last: whether the level is an array
	depth, seen, listed, run := 0, 1, 0, 0
	for i := 0; i < len(body); i++ {
		b := body[i]
		run++
		switch b {
		case '"':
			i, run = endOfString(body, i), 0
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
		case depth > maxDepth:
			return fmt.Errorf("the response has more than %d levels of JSON", maxDepth)
		case seen > values:
			return fmt.Errorf("the response has more than %d JSON values", values)
		case listed > items:
			return fmt.Errorf("the response has more than %d list items, unlike the request", items)
		case run > maxNumber:
			return fmt.Errorf("the response has a number of more than %d bytes", maxNumber)
		}
	}
	return nil
}

// endOfString returns the index of the closing quote of the string that begins at i, or the last
// index of body.
func endOfString(body []byte, i int) int {
	for i++; i < len(body); i++ {
		switch body[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(body) - 1
}
