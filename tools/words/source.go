package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

var (
	fence      = regexp.MustCompile("(?ms)^ *(?:```|~~~).*?^ *(?:```|~~~)[ \t]*$")
	remark     = regexp.MustCompile(`(?s)<!--.*?-->`)
	tag        = regexp.MustCompile(`</?[a-z][^>]*>`)
	inlineCode = regexp.MustCompile("``[^`]+``|`[^`\n]*`")
	target     = regexp.MustCompile(`\]\([^)]*\)`)
)

// Prose returns the words of a Markdown document, each at its line: without blocks of code,
// HTML and the targets of links. Code in a line counts as a single word.
func Prose(markdown string) string {
	text := fence.ReplaceAllStringFunc(markdown, lines)
	text = remark.ReplaceAllStringFunc(text, lines)
	text = inlineCode.ReplaceAllString(text, "code")
	text = tag.ReplaceAllString(text, "")
	return target.ReplaceAllString(text, "]")
}

// lines returns the line breaks of a text.
func lines(text string) string { return strings.Repeat("\n", strings.Count(text, "\n")) }

// Comments returns the words of all comments of a Go file, each at its line, without
// directives such as //go:build and //nolint.
func Comments(name string, source []byte) (string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	line := 1
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if directive(comment) {
				continue
			}
			at := set.Position(comment.Pos()).Line
			text.WriteString(strings.Repeat("\n", at-line) + " " + comment.Text)
			line = at + strings.Count(comment.Text, "\n")
		}
	}
	return text.String(), nil
}

// directive reports whether a comment is for tools and not for people.
func directive(c *ast.Comment) bool {
	return strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//nolint")
}
