package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/output"
)

// Output is the format of a command that prints data. Each such command embeds Output, and prints by
// its methods only.
type Output struct {
	Format   string `name:"output" short:"o" enum:"auto,table,json,yaml" default:"auto" help:"table, json or yaml; by default a table on a terminal, and values between tabs elsewhere." placeholder:"FORMAT"`
	JSON     bool   `help:"Print JSON: the same as -o json."`
	NoHeader bool   `help:"Leave out the head of a table."`
	UTC      bool   `help:"Print times in UTC on a terminal, too: there, times are local." name:"utc"`
}

// AfterApply returns an error for two formats. The parser calls AfterApply.
func (o Output) AfterApply() error {
	if o.JSON && o.Format != "auto" && o.Format != "json" {
		return errors.New("give --json or -o " + o.Format + ", not both")
	}
	return nil
}

// Data reports whether the output is JSON or YAML: documents for programs.
func (o Output) Data() bool { return o.JSON || o.Format == "json" || o.Format == "yaml" }

// yaml reports whether the output is YAML.
func (o Output) yaml() bool { return !o.JSON && o.Format == "yaml" }

// Write writes v as one document.
func (o Output) Write(a *App, v any) error {
	if o.yaml() {
		return output.YAML(a.Stdout, v)
	}
	return output.JSON(a.Stdout, v)
}

// Item writes v, one of a list: a line of JSON, or a YAML document.
func (o Output) Item(a *App, v any) error {
	if o.yaml() {
		return output.YAMLItem(a.Stdout, v)
	}
	return output.JSONLine(a.Stdout, v)
}

// CloudEvent writes an event as Item does.
func (o Output) CloudEvent(a *App, e events.Event) error {
	_, text, err := events.ToNATS(e)
	if err != nil {
		return fmt.Errorf("write event %s: %w", e.ID(), err)
	}
	return o.Item(a, json.RawMessage(text))
}

// Rows writes rows for people: as a table with one line per row on a terminal and for -o table, and
// as values between tabs elsewhere. Only a terminal limits the line: there, long values are cut.
func (o Output) Rows(a *App, head []string, rows [][]string) error {
	return o.rows(a, output.Table{Head: head, Rows: rows})
}

// Advice writes rows as Rows does. The last value is a text for people: the text wraps, or stands below
// its row, instead of being cut.
func (o Output) Advice(a *App, head []string, rows [][]string) error {
	return o.rows(a, output.Table{Head: head, Rows: rows, Wrap: true})
}

func (o Output) rows(a *App, t output.Table) error {
	if o.NoHeader {
		t.Head = nil
	}
	t.Rows = output.Cells(t.Rows, output.IsTerminal(a.Stdout), o.now())
	if !o.IsTable(a) {
		return output.Tabbed(a.Stdout, t.Rows)
	}
	a.fit(&t)
	_, err := fmt.Fprint(a.Stdout, t)
	return err
}

// IsTable reports whether rows are laid out in columns.
func (o Output) IsTable(a *App) bool { return o.Format == "table" || output.IsTerminal(a.Stdout) }

// fit gives a table the width and the colours of a terminal, if standard output is one.
func (a *App) fit(t *output.Table) {
	if output.IsTerminal(a.Stdout) {
		t.Width, t.Colour = output.Columns(a.Stdout), a.Getenv("NO_COLOR") == ""
	}
}

// now returns the time, in the zone for times on a terminal.
func (o Output) now() time.Time {
	if o.UTC {
		return time.Now().UTC()
	}
	return time.Now()
}

// LongTime returns a time for people, with the date and to the second.
func (o Output) LongTime(t time.Time) string { return output.LongTime(t.In(o.now().Location())) }

// Head writes the head of a list that goes on, if the list is a table with a head.
func (o Output) Head(a *App, titles []string, widths []int) error {
	if o.Data() || o.NoHeader || !o.IsTable(a) {
		return nil
	}
	var t output.Table
	a.fit(&t)
	upper := make([]string, len(titles))
	for i, title := range titles {
		upper[i] = strings.ToUpper(title)
	}
	_, err := fmt.Fprint(a.Stdout, t.Row(upper, widths, true))
	return err
}

// Row writes one row of a list that goes on, without a head. On a terminal and for -o table, each
// value has at least its width. On a terminal, a last value without room stands below the row.
func (o Output) Row(a *App, values []string, widths []int) error {
	values = output.Cells([][]string{values}, output.IsTerminal(a.Stdout), o.now())[0]
	if !o.IsTable(a) {
		return output.Tabbed(a.Stdout, [][]string{values})
	}
	var t output.Table
	a.fit(&t)
	_, err := fmt.Fprint(a.Stdout, t.Row(values, widths, false))
	return err
}
