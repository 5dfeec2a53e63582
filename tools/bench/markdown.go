package bench

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Update replaces the text between the lines markBegin and markEnd.
const (
	markBegin = "<!-- usher-bench: begin -->"
	markEnd   = "<!-- usher-bench: end -->"
)

// Update writes the report between the markers of a Markdown file.
func (r Report) Update(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(text), markBegin)
	_, tail, ended := strings.Cut(rest, markEnd)
	if !ok || !ended {
		return errors.New("update " + file + ": add the lines " + markBegin + " and " + markEnd)
	}
	return os.WriteFile(file, []byte(head+markBegin+"\n"+r.markdown()+markEnd+tail), 0o644) //nolint:gosec // a document
}

// markdown returns the report as tables.
func (r Report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s\n\n", r.Date, r.Machine)
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, name+" "+r.Versions[name])
	}
	fmt.Fprintf(&b, "%s\n\n    %s\n\n", strings.Join(versions, " · "), r.Command)
	if len(r.Goals) > 0 {
		row(&b, "load", "goal", "reached", "")
		row(&b, "---", "---", "---", "---")
		for _, g := range r.Goals {
			row(&b, g.Load, g.Goal, g.Reached, met(g.Met))
		}
		b.WriteString("\n")
	}
	for _, s := range r.Series {
		fmt.Fprintf(&b, "%s:\n\n", s.title())
		row(&b, columns...)
		row(&b, slices.Repeat([]string{"---"}, len(columns))...)
		for _, m := range s.Medians {
			row(&b, m.cells()...)
		}
		b.WriteString("\n")
		for _, line := range s.comparisons() {
			fmt.Fprintf(&b, "- %s\n", line)
		}
		if len(s.comparisons()) > 0 {
			b.WriteString("\n")
		}
	}
	return b.String()
}

func row(b *strings.Builder, cells ...string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
