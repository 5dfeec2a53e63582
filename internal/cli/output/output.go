// Package output writes the output of commands: tables on a terminal, lines of values between
// tabs elsewhere, and JSON.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-isatty"

	"github.com/usherhq/usher/events"
)

// Rows writes rows to w: as a table with a head on a terminal,
// and as lines of values between tabs elsewhere.
func Rows(w io.Writer, head []string, rows [][]string) error {
	clean := make([][]string, len(rows))
	for i, row := range rows {
		clean[i] = plainRow(row)
	}
	if !IsTerminal(w) {
		return Tabbed(w, clean)
	}
	_, err := io.WriteString(w, Table(head, clean, Columns(w)))
	return err
}

// Row writes one row of a list that goes on: on a terminal without a head, each
// value with at least its width.
func Row(w io.Writer, values []string, widths []int) error {
	if values = plainRow(values); !IsTerminal(w) {
		return Tabbed(w, [][]string{values})
	}
	_, err := io.WriteString(w, layOut(values, widths, Columns(w)))
	return err
}

// Tabbed writes rows as lines of values between tabs.
func Tabbed(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// plainRow returns the texts, each as a single line without control characters. Producers and
// vendors write the texts.
func plainRow(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = Plain(text, "")
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

// Event writes e as one line of JSON.
func Event(w io.Writer, e events.Event) error {
	_, text, err := events.ToNATS(e)
	if err != nil {
		return fmt.Errorf("write event %s: %w", e.ID(), err)
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
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

// MaskEmail returns the first letter and the domain of an e-mail.
func MaskEmail(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok {
		local, domain = email, ""
	}
	first, _ := utf8.DecodeRuneInString(local)
	switch {
	case local == "":
		return ""
	case !ok:
		return string(first) + "…"
	default:
		return string(first) + "…@" + domain
	}
}
