// Package index keeps the fingerprints of remembered activities in memory: 13 bytes each, in
// sorted runs by time. Package memory fills an Index from the streams.
package index

import (
	"bytes"
	"encoding/hex"
)

// Size is the number of bytes of a Fingerprint. 104 bits of a hash keep the odds of a false match
// below 1e-9 a year for 3 billion remembered activities and 5,000 new ones a second:
// 3e9 × 1.6e11 / 2^104 = 2.4e-11.
const Size = 13

// Fingerprint stands for an effect: its result, or its record.
type Fingerprint [Size]byte

// OfResult returns the fingerprint of a stored result by its id, 32 hex digits, and reports
// whether the id is one.
func OfResult(id string) (f Fingerprint, ok bool) {
	if len(id) < 2*Size {
		return f, false
	}
	_, err := hex.Decode(f[:], []byte(id[:2*Size]))
	return f, err == nil
}

// AsRecord returns the fingerprint of the record of the same effect.
func (f Fingerprint) AsRecord() Fingerprint {
	f[Size-1] ^= 0xff
	return f
}

// Compare compares the bytes.
func (f Fingerprint) Compare(g Fingerprint) int { return bytes.Compare(f[:], g[:]) }

// leading returns the first 32 bits.
func (f Fingerprint) leading() uint32 {
	return uint32(f[0])<<24 | uint32(f[1])<<16 | uint32(f[2])<<8 | uint32(f[3])
}
