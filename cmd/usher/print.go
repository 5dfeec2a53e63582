package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
)

// print writes rows to standard output: as a table with a head on a terminal,
// and as lines of values between tabs elsewhere.
func (a *app) print(head []string, rows [][]string) error {
	if !terminal(a.Stdout) {
		for _, row := range rows {
			if _, err := fmt.Fprintln(a.Stdout, strings.Join(plain(row), "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(cells(head))
	for _, row := range rows {
		t.AppendRow(cells(plain(row)))
	}
	_, err := fmt.Fprintln(a.Stdout, t.Render())
	return err
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, text := range texts {
		row[i] = text
	}
	return row
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

// count returns n with its noun in the singular or the plural.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
