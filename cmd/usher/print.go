package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/usherhq/usher/events"
)

// print writes rows to standard output: as a table with a head on a terminal,
// and as lines of values between tabs elsewhere.
func (a *app) print(head []string, rows [][]string) error {
	clean := make([][]string, len(rows))
	for i, row := range rows {
		clean[i] = plain(row)
	}
	if !terminal(a.Stdout) {
		return tabbed(a.Stdout, clean)
	}
	_, err := io.WriteString(a.Stdout, table(head, clean, columns(a.Stdout)))
	return err
}

// row writes one row of a list that goes on: on a terminal without a head, each
// value with at least its width.
func (a *app) row(values []string, widths []int) error {
	if values = plain(values); !terminal(a.Stdout) {
		return tabbed(a.Stdout, [][]string{values})
	}
	_, err := io.WriteString(a.Stdout, layOut(values, widths, columns(a.Stdout)))
	return err
}

// tabbed writes rows as lines of values between tabs.
func tabbed(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// remark tells whoever sits before standard output something that is none of it.
func (a *app) remark(text string) {
	if terminal(a.Stdout) {
		_, _ = fmt.Fprintln(a.Stderr, text)
	}
}

// plain returns the texts as single lines that can do a terminal no harm: they
// come from producers and vendors.
func plain(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = harmless(text, "")
	}
	return out
}

// harmless returns text with a blank in the place of each control character
// that is none of except.
func harmless(text, except string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(except, r) {
			return ' '
		}
		return r
	}, text)
}

// writeJSON writes v as one JSON document of several lines.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writeEvent writes e as one line of JSON.
func writeEvent(w io.Writer, e events.Event) error {
	_, text, err := events.ToNATS(e)
	if err != nil {
		return fmt.Errorf("write event %s: %w", e.ID(), err)
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// count returns n with its noun in the singular or the plural.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
