package vendors

import (
	"slices"
	"sort"
	"strings"
)

// cutTexts replaces every place of the values in a text, the longest value of each place. Overlapping
// places are replaced once. The time grows with the text and the values, not with their product: a sender
// may repeat a value a hundred thousand times.
func cutTexts(text string, values []string) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(values)))
	// inner[i] is the longest other value at the begin of the value i, or -1.
	inner := make([]int, len(sorted))
	for i := range sorted {
		inner[i] = beginning(sorted[i], i-1, sorted, inner)
	}
	return cutPlaces(text, func(at int) int {
		rest := text[at:]
		last := sort.Search(len(sorted), func(i int) bool { return sorted[i] > rest }) - 1
		if i := beginning(rest, last, sorted, inner); i >= 0 {
			return len(sorted[i])
		}
		return 0
	})
}

// beginning returns the longest value up to last at the begin of a text, or -1. Every such value is also
// at the begin of the last value that sorts before the text.
func beginning(text string, last int, sorted []string, inner []int) int {
	for last >= 0 && !strings.HasPrefix(text, sorted[last]) {
		last = inner[last]
	}
	return last
}

// cutPlaces replaces places in a text. length returns the bytes of the place that begins at a byte; zero
// for no place.
func cutPlaces(text string, length func(at int) int) string {
	var out strings.Builder
	end := 0 // of the place in hand
	for at := range len(text) {
		if n := length(at); n > 0 {
			if at >= end {
				out.WriteString(redacted)
			}
			end = max(end, at+n)
		}
		if at >= end {
			out.WriteByte(text[at])
		}
	}
	return out.String()
}
