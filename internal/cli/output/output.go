// Package output writes the output of commands: tables on a terminal, lines of values between
// tabs elsewhere, and JSON.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"
)

// Tabbed writes rows as lines of values between tabs.
func Tabbed(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// Cells returns the texts, each as a single line without control characters: producers and vendors
// write the texts. For a terminal, ids and times are shortened.
func Cells(rows [][]string, onTerminal bool, now time.Time) [][]string {
	out := make([][]string, len(rows))
	for n, row := range rows {
		out[n] = make([]string, len(row))
		for i, text := range row {
			if out[n][i] = Plain(text, ""); onTerminal {
				out[n][i] = short(out[n][i], now)
			}
		}
	}
	return out
}

// Plain returns text with a blank for each control character, other than the characters of
// except.
func Plain(text, except string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(except, r) {
			return ' '
		}
		if unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar // would change the order of the text on a terminal
		}
		return r
	}, text)
}

// JSON writes v as one JSON document of several lines.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Count returns n with its noun in the singular or the plural.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// IsTerminal reports whether w is a terminal. Tables, bars and colours are for terminals only.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
