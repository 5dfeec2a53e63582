// Package words measures how the comments and documents of the repository read. It counts
// relatives and pronouns, which stand for names, and finds words that were retired for the
// field's own.
package words

import (
	"regexp"
	"strings"
)

// Counts is a number of words, and how many of them are relatives and pronouns.
type Counts struct {
	Words, Relatives, Pronouns int
}

var (
	word      = regexp.MustCompile(`[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)*`)
	relatives = set("what", "who", "whoever", "whatever", "where")
	pronouns  = set("it", "its", "they", "them", "their", "one", "ones", "that", "which", "those", "these", "this")
)

// Count returns the counts of a text.
func Count(text string) (c Counts) {
	for _, w := range word.FindAllString(text, -1) {
		c.Words++
		switch w = strings.ToLower(w); {
		case relatives[w]:
			c.Relatives++
		case pronouns[w]:
			c.Pronouns++
		}
	}
	return c
}

// Place is a word at a line of a text.
type Place struct {
	Line int
	Word string
}

// Relatives returns the relatives of a text, each at its line.
func Relatives(text string) (list []Place) {
	for i, line := range strings.Split(text, "\n") {
		for _, w := range word.FindAllString(line, -1) {
			if relatives[strings.ToLower(w)] {
				list = append(list, Place{i + 1, w})
			}
		}
	}
	return list
}

// Add returns the sum of two counts.
func (c Counts) Add(d Counts) Counts {
	return Counts{c.Words + d.Words, c.Relatives + d.Relatives, c.Pronouns + d.Pronouns}
}

// Rates returns the relatives and the pronouns in 100 words.
func (c Counts) Rates() (relatives, pronouns float64) {
	if c.Words == 0 {
		return 0, 0
	}
	return 100 * float64(c.Relatives) / float64(c.Words), 100 * float64(c.Pronouns) / float64(c.Words)
}

// Limit is the highest number of relatives and pronouns in 100 words.
type Limit struct {
	Relatives, Pronouns float64
}

// A text of a few lines may hold so many in any case: below some hundred words a rate says
// little.
const (
	relativesFloor = 1
	pronounsFloor  = 5
)

// Allows reports whether a text is within the limit. A short text is within the limit with
// one relative and five pronouns.
func (l Limit) Allows(c Counts) bool {
	r, p := c.Rates()
	return (r <= l.Relatives || c.Relatives <= relativesFloor) && (p <= l.Pronouns || c.Pronouns <= pronounsFloor)
}
