package events

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// text scans a string and returns the raw string with quotes.
func (s *scanner) text() ([]byte, *InvalidError) {
	from := s.pos
	s.pos++
	for {
		s.pos += plainBytes(s.data[s.pos:])
		if s.pos == len(s.data) {
			break
		}
		switch s.data[s.pos] {
		case '"':
			s.pos++
			return s.data[from:s.pos], nil
		case '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		default:
			return nil, s.fail(RuleJSON, "escape control characters in strings")
		}
	}
	return nil, s.fail(RuleJSON, "the string does not end")
}

// plainBytes returns the number of bytes before the first quote, backslash or control character.
func plainBytes(data []byte) int {
	i := 0
	for ; len(data)-i >= 8; i += 8 {
		if special := specialBytes(binary.LittleEndian.Uint64(data[i:])); special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for ; i < len(data); i++ {
		if c := data[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(data)
}

// specialBytes returns zero for eight bytes without a quote, backslash or control character. Else the lowest bit
// set is in the first of them: a borrow of a subtraction reaches only the bytes behind.
func specialBytes(eight uint64) uint64 {
	const ones, highest = 0x0101_0101_0101_0101, 0x8080_8080_8080_8080
	quote, escape := eight^ones*'"', eight^ones*'\\'
	return ((quote-ones)&^quote | (escape-ones)&^escape | (eight-ones*' ')&^eight) & highest
}

// escape scans one escape sequence, or two for a surrogate pair.
func (s *scanner) escape() *InvalidError {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
	default:
		return s.fail(RuleJSON, "no such escape sequence")
	}
	first, err := s.hex()
	if err != nil || first < 0xD800 || first > 0xDFFF {
		return err
	}
	if first < 0xDC00 && s.peek() == '\\' {
		s.pos++
		second, err := s.hex()
		if err != nil || second >= 0xDC00 && second <= 0xDFFF {
			return err
		}
	}
	return s.fail(RuleUTF8, "a surrogate must stand in a pair")
}

// hex scans a u and four hex digits.
func (s *scanner) hex() (uint64, *InvalidError) {
	if s.peek() != 'u' || len(s.data)-s.pos < 5 {
		return 0, s.fail(RuleJSON, "\\u and four hex digits must stand here")
	}
	v, err := strconv.ParseUint(string(s.data[s.pos+1:s.pos+5]), 16, 16)
	if err != nil {
		return 0, s.fail(RuleJSON, "\\u and four hex digits must stand here")
	}
	s.pos += 5
	return v, nil
}

// number scans a number and rejects numbers outside float64: a decoder would reject such
// numbers later, or spend hours on them.
func (s *scanner) number() *InvalidError {
	from := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if s.digits() == 0 {
		return s.fail(RuleJSON, "a digit must stand here")
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.fail(RuleJSON, "a digit must stand here")
		}
	}
	exponent, err := s.exponent()
	if err != nil {
		return err
	}
	if exponent == 0 && s.pos-from < 300 {
		return nil
	}
	if _, bad := strconv.ParseFloat(string(s.data[from:s.pos]), 64); bad != nil || exponent > 3 {
		return s.fail(RuleNumber, "send a number that fits a 64-bit float, or a string")
	}
	return nil
}

// exponent scans an optional exponent and returns the number of digits.
func (s *scanner) exponent() (int, *InvalidError) {
	if c := s.peek(); c != 'e' && c != 'E' {
		return 0, nil
	}
	s.pos++
	if c := s.peek(); c == '+' || c == '-' {
		s.pos++
	}
	n := s.digits()
	if n == 0 {
		return 0, s.fail(RuleJSON, "a digit must stand here")
	}
	return n, nil
}

// digits skips digits and returns the count.
func (s *scanner) digits() int {
	from := s.pos
	for isDigit(s.peek()) {
		s.pos++
	}
	return s.pos - from
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
