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
	defaultColumns = 80 // of a terminal of unknown width
	indent         = 4  // of continuation lines
	leastWrapped   = 24 // columns left for a text that wraps
)

// Columns returns the number of characters in a line of the terminal w.
func Columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if wide, _, err := terminals.GetSize(int(f.Fd())); err == nil && wide > 0 {
			return wide
		}
	}
	return defaultColumns
}

// Table returns rows below a head, for lines of width characters; see layOut. Columns without
// a value are left out, and numbers are aligned to the right.
func Table(head []string, rows [][]string, width int) string {
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
		b.WriteString(layOut(row, widths, width))
	}
	return b.String()
}

func number(value string) bool {
	_, err := strconv.Atoi(value)
	return err == nil
}

// layOut returns a row for lines of width characters. widths are the least widths of the
// values. A value that does not fit is written to the next line, indented. A long last value
// wraps. No value is cut.
func layOut(row []string, widths []int, width int) string {
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
		case at+2+room > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteString("  ")
			at += 2
		}
		if i == len(row)-1 {
			value = hanging(value, at, width)
		}
		b.WriteString(text.Pad(value, needs, ' '))
		at += needs
	}
	return trimmed(b.String())
}

// hanging returns a text that starts at column at and wraps below its start.
func hanging(value string, at, width int) string {
	lines := text.WrapSoft(value, max(width-at, leastWrapped))
	return strings.ReplaceAll(lines, "\n", "\n"+strings.Repeat(" ", at))
}

// trimmed returns the lines without trailing blanks, and without blank lines.
func trimmed(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
