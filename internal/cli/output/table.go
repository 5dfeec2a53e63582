package output

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	terminals "golang.org/x/term"
)

const (
	usualColumns = 80 // of a terminal that does not say how wide it is
	indent       = 4  // of what goes on in a further line
	leastWrapped = 24 // columns that are left for a text that wraps
)

// Columns is how many characters fit into a line of the terminal w.
func Columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if wide, _, err := terminals.GetSize(int(f.Fd())); err == nil && wide > 0 {
			return wide
		}
	}
	return usualColumns
}

// Table is rows below their head for lines of so many characters; see layOut.
// Columns without a value are left out, and numbers stand to the right.
func Table(head []string, rows [][]string, wide int) string {
	all := append([][]string{nil}, rows...)
	for _, title := range head {
		all[0] = append(all[0], strings.ToUpper(title))
	}
	for i := len(head) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(rows, func(row []string) bool { return row[i] != "" }) {
			for n, row := range all {
				all[n] = slices.Concat(row[:i], row[i+1:])
			}
		}
	}
	widths := make([]int, len(all[0]))
	for i := range widths {
		for _, row := range all {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(row[i]))
		}
		if !slices.ContainsFunc(all[1:], func(row []string) bool { return !number(row[i]) }) {
			for _, row := range all {
				row[i] = text.AlignRight.Apply(row[i], widths[i])
			}
		}
	}
	var b strings.Builder
	for _, row := range all {
		b.WriteString(layOut(row, widths, wide))
	}
	return b.String()
}

func number(value string) bool {
	_, err := strconv.Atoi(value)
	return err == nil
}

// layOut is one row for lines of so many characters. Each value takes at least
// its width. What does not fit goes on in the next line, indented, and so does a
// long last value; nothing is cut.
func layOut(row []string, widths []int, wide int) string {
	var b strings.Builder
	at := 0
	for i, value := range row {
		needs := max(widths[i], text.StringWidthWithoutEscSequences(value))
		room := needs
		if i == len(row)-1 {
			room = min(needs, leastWrapped)
		}
		switch {
		case i == 0:
		case at+2+room > wide:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteString("  ")
			at += 2
		}
		if i == len(row)-1 {
			value = hanging(value, at, wide)
		}
		b.WriteString(text.Pad(value, needs, ' '))
		at += needs
	}
	return trimmed(b.String())
}

// hanging is a text that begins at a place in its line, and goes on below it.
func hanging(value string, at, wide int) string {
	lines := text.WrapSoft(value, max(wide-at, leastWrapped))
	return strings.ReplaceAll(lines, "\n", "\n"+strings.Repeat(" ", at))
}

// trimmed is lines without blanks at their ends, and without those that are blank.
func trimmed(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
