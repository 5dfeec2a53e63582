package output

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	terminals "golang.org/x/term"
)

const (
	defaultColumns = 80 // of a terminal of unknown width
	leastColumn    = 6  // of a value that is cut
	leastWrapped   = 24 // columns left for a text that wraps; with less, the text stands below its row
	indent         = 4  // columns before such a text
	gap            = 2  // between columns
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

// Table is rows below a head.
type Table struct {
	Head   []string // empty: none
	Rows   [][]string
	Width  int  // characters of a line; 0: no limit
	Wrap   bool // the last value wraps below its start, or stands below its row, instead of being cut
	Colour bool

	below bool // the last value of a row stands below the row, unless the row has room
}

// blanks matches blanks at the end of a line.
var blanks = regexp.MustCompile(` +\n`)

// String returns the table with one line per row. Columns without a value are left out, and numbers
// are aligned to the right. If a row does not fit, the longest values are cut.
func (t Table) String() string {
	head, rows := t.Head, t.Rows
	if len(rows) == 0 {
		return ""
	}
	for i := len(rows[0]) - 1; i >= 0; i-- {
		if slices.ContainsFunc(rows, func(row []string) bool { return row[i] != "" }) {
			continue
		}
		if len(head) > 0 {
			head = slices.Concat(head[:i], head[i+1:])
		}
		for n, row := range rows {
			rows[n] = slices.Concat(row[:i], row[i+1:])
		}
	}
	if len(head) > 0 {
		titles := make([]string, len(head))
		for i, title := range head {
			titles[i] = strings.ToUpper(title)
		}
		rows = slices.Concat([][]string{titles}, rows)
	}
	return t.lines(rows)
}

// lines returns the rows, the first of which is the head, if any.
func (t Table) lines(all [][]string) string {
	body := all[min(len(t.Head), 1):]
	widths, floors, right := make([]int, len(all[0])), make([]int, len(all[0])), make([]bool, len(all[0]))
	for i := range widths {
		for _, row := range all {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(row[i]))
		}
		right[i] = !slices.ContainsFunc(body, func(row []string) bool { return !number(row[i]) })
		floors[i] = leastColumn
		if right[i] || !slices.ContainsFunc(body, func(row []string) bool { return row[i] != "" && !isTime(row[i]) }) {
			floors[i] = widths[i]
		}
	}
	floors[0] = max(floors[0], min(widths[0], t.Width*2/3)) // the name of the row
	if last := len(widths) - 1; t.Wrap && t.Width > 0 {
		room := t.Width - sum(widths[:last])
		if t.below = room < min(widths[last], leastWrapped); t.below {
			room = 0
		}
		widths[last] = min(widths[last], room)
		floors[last] = widths[last]
	}
	widths = shrink(widths, floors, t.Width)
	var b strings.Builder
	for n, row := range all {
		for i := range row {
			if right[i] {
				row[i] = text.AlignRight.Apply(row[i], widths[i])
			}
		}
		b.WriteString(t.line(row, widths, n == 0 && len(t.Head) > 0))
	}
	return b.String()
}

// line returns one row, with values cut to the widths.
func (t Table) line(row []string, widths []int, isHead bool) string {
	var b strings.Builder
	at := 0
	for i, value := range row {
		last := i == len(row)-1
		fits := at+text.StringWidthWithoutEscSequences(value) <= t.Width
		switch {
		case last && t.below && fits: // a short value needs no further line
		case last && t.below && isHead:
			value = ""
		case last && t.below && value != "":
			b.WriteString("\n" + strings.Repeat(" ", indent))
			value = hanging(value, indent, t.Width)
		case last && t.Wrap && t.Width > 0:
			value = hanging(value, at, t.Width)
		default:
			value = cut(value, widths[i])
		}
		padding := ""
		if !last {
			padding = strings.Repeat(" ", max(0, widths[i]-text.StringWidthWithoutEscSequences(value))+gap)
		}
		at += widths[i] + gap
		if t.Colour {
			value = paint(value, isHead)
		}
		b.WriteString(value + padding)
	}
	return blanks.ReplaceAllString(b.String()+"\n", "\n")
}

// shrink returns widths for a line of width characters. The widest column shrinks first. No column
// falls below the floor before all columns have reached the floors.
func shrink(widths, floors []int, width int) []int {
	widths = slices.Clone(widths)
	if width <= 0 {
		return widths
	}
	for _, least := range [][]int{floors, make([]int, len(widths))} {
		for sum(widths)-gap > width {
			widest := -1
			for i := range widths {
				if widths[i] > least[i] && (widest < 0 || widths[i] >= widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
	return widths
}

// sum returns the number of characters of columns with a gap behind each.
func sum(widths []int) (total int) {
	for _, width := range widths {
		total += width + gap
	}
	return total
}

// cut returns value in width characters, with … at the end of a longer value.
func cut(value string, width int) string {
	if text.StringWidthWithoutEscSequences(value) <= width {
		return value
	}
	return text.Snip(value, width, "…")
}

func number(value string) bool {
	_, err := strconv.Atoi(value)
	return err == nil
}

// hanging returns a text from column at, wrapped below its start, without blank lines.
func hanging(value string, at, width int) string {
	var lines []string
	for part := range strings.SplitSeq(value, "\n\n") {
		lines = append(lines, wrap(part, max(width-at, leastWrapped))...)
	}
	return strings.Join(lines, "\n"+strings.Repeat(" ", at))
}

// wrap returns the lines of a text. A word is never broken: a word longer than width is a line of its own,
// and can be copied whole.
func wrap(value string, width int) (lines []string) {
	at := width
	for _, word := range strings.Fields(value) {
		size := text.StringWidthWithoutEscSequences(word)
		if at+1+size > width {
			lines, at = append(lines, word), size
			continue
		}
		lines[len(lines)-1] += " " + word
		at += 1 + size
	}
	return lines
}

// Sentence writes a line. On a terminal, the text wraps between words, below an indent.
func Sentence(w io.Writer, format string, values ...any) error {
	line := fmt.Sprintf(format, values...)
	if IsTerminal(w) {
		line = sentence(line, Columns(w))
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// sentence returns a text in lines of width characters, the later ones below an indent.
func sentence(line string, width int) string {
	if text.StringWidthWithoutEscSequences(line) <= width {
		return line
	}
	first := wrap(line, width)[0]
	rest := strings.TrimPrefix(strings.Join(strings.Fields(line), " "), first)
	return first + "\n" + strings.Repeat(" ", indent) + hanging(rest, indent, width)
}

// Row returns one row of a list that goes on, or its head. Each value has at least its width. The last
// value stands below the row if the line has no room.
func (t Table) Row(values []string, widths []int, isHead bool) string {
	needs, floors := make([]int, len(values)), make([]int, len(values))
	for i, value := range values {
		needs[i] = max(widths[i], text.StringWidthWithoutEscSequences(value))
		floors[i] = max(widths[i], leastColumn)
	}
	if last := len(values) - 1; t.Width > 0 && sum(needs)-gap > t.Width {
		t.Wrap = true
		t.below = t.Width-sum(needs[:last]) < min(needs[last], leastWrapped)
		needs[last], floors[last] = 0, 0
	}
	return t.line(values, shrink(needs, floors, t.Width), isHead)
}
