package vendors

import "crypto/sha256"

// Seen is the set of the texts that a vendor has shown, such as the ids and the cursors of a long
// list. Seen keeps digests of 16 bytes: texts of a megabyte on each of thousands of pages would fill
// the memory. The zero value is an empty set.
type Seen struct{ digests map[[16]byte]struct{} }

// Add adds a text, and reports whether the text is new.
func (s *Seen) Add(text string) bool {
	sum := sha256.Sum256([]byte(text))
	digest := [16]byte(sum[:16])
	if _, known := s.digests[digest]; known {
		return false
	}
	if s.digests == nil {
		s.digests = map[[16]byte]struct{}{}
	}
	s.digests[digest] = struct{}{}
	return true
}

// Len returns the number of different texts.
func (s *Seen) Len() int { return len(s.digests) }
