// Package yamlfault reads errors of the YAML parser: the line in the file, and a text without values of
// the file, which may be secrets.
package yamlfault

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

var (
	atLine = regexp.MustCompile(`^line (\d+): (.*)`)
	// begun matches errors whose line is counted from 0, and is mostly the beginning of the list or the
	// mapping.
	begun    = regexp.MustCompile(`^did not find expected (key|node content|'-' indicator|',' or .*)$`)
	noAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// Of returns the line, from 1, and the text of an error of the parser for a file. The parser omits line 1,
// and the lines of anchors.
func Of(err error, file []byte) (line int, said string) {
	said = strings.TrimPrefix(err.Error(), "yaml: ")
	if found := noAnchor.FindStringSubmatch(said); found != nil {
		before, _, _ := bytes.Cut(file, []byte("*"+found[1]))
		return bytes.Count(before, []byte("\n")) + 1, "a value begins with *, as a reference of YAML: put the value in quotes"
	}
	if tab := tabbed(file); tab > 0 && strings.Contains(said, "cannot start any token") {
		return tab, "begins with a tab: indent with blanks"
	}
	found := atLine.FindStringSubmatch(said)
	if found == nil {
		return 1, said
	}
	line, _ = strconv.Atoi(found[1])
	if begun.MatchString(found[2]) {
		return line + 1, found[2] + " in the list or the mapping at this line"
	}
	return line, found[2]
}

// tabbed returns the first line with a tab as indentation, from 1, or 0.
func tabbed(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		blanks := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.ContainsRune(blanks, '\t') {
			return n
		}
	}
	return 0
}
