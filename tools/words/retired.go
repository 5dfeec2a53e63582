package words

import (
	"strings"
	"unicode"
)

// retired holds words that the repository no longer uses, and the field's words for them.
var retired = map[string]string{
	"brake":      "deletion guard",
	"buried":     "added to the dead letters",
	"buries":     "adds to the dead letters",
	"bury":       "add to the dead letters",
	"deed":       "action",
	"deeds":      "actions",
	"desk":       "service",
	"foresee":    "preview",
	"foresees":   "previews",
	"foresight":  "preview",
	"grave":      "dead letter",
	"graves":     "dead letters",
	"hire":       "add staff",
	"lane":       "consumer",
	"lanes":      "consumers",
	"ledger":     "records",
	"punctual":   "a deadline",
	"refuser":    "error body",
	"remaker":    "web hook mapper",
	"roster":     "user store",
	"seer":       "previewer",
	"stories":    "histories",
	"story":      "history",
	"straggler":  "unrecorded predecessor",
	"stragglers": "unrecorded predecessors",
	"tenure":     "ownership",
	"told":       "published, reported or logged",
	"toll":       "replay summary",
	"vacate":     "compact",
}

// Retired returns the retired words of a text: whole words in any case, and parts of
// identifiers such as newDesk.
func Retired(text string) (list []Place) {
	for i, line := range strings.Split(text, "\n") {
		for _, w := range splitWords(line) {
			if retired[w] != "" {
				list = append(list, Place{i + 1, w})
			}
		}
	}
	return list
}

// splitWords returns the words of a line in lower case, with identifiers in mixed case split
// before each capital.
func splitWords(line string) (list []string) {
	start, before := 0, ' '
	for i, r := range line {
		if !unicode.IsLetter(r) || unicode.IsUpper(r) && unicode.IsLower(before) {
			if start < i {
				list = append(list, strings.ToLower(line[start:i]))
			}
			if start = i; !unicode.IsLetter(r) {
				start = i + len(string(r))
			}
		}
		before = r
	}
	if start < len(line) {
		list = append(list, strings.ToLower(line[start:]))
	}
	return list
}

func set(list ...string) map[string]bool {
	s := map[string]bool{}
	for _, w := range list {
		s[w] = true
	}
	return s
}
