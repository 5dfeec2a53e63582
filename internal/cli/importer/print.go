package importer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
)

// printFaults prints the first faults for a person.
func (c Cmd) printFaults(a *app.App, done summary) error {
	if c.Data() {
		return nil
	}
	for i, f := range done.Faults {
		if i == listed {
			_, err := fmt.Fprintf(a.Stderr, "%d more rows are not valid: see -o json, or the report\n", len(done.Faults)-listed)
			return err
		}
		if _, err := fmt.Fprintf(a.Stderr, "line %d: %s\n", f.Line, output.Plain(f.Why, "")); err != nil {
			return err
		}
	}
	return nil
}

// print prints the outcome, and the first events of a dry run.
func (c Cmd) print(a *app.App, done summary) error {
	if c.Data() {
		return c.Write(a, done)
	}
	if c.DryRun {
		return c.printDryRun(a, done)
	}
	var parts []string
	for _, count := range []struct {
		n    int
		what string
	}{{done.Sent, "sent"}, {done.Known, "known already"}, {done.Earlier, "sent by an earlier run"}, {done.Invalid, "not valid"}} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprint(count.n, " ", count.what))
		}
	}
	if c.Strict && done.Invalid > 0 {
		parts = append(parts, "nothing was sent, because of --strict")
	}
	_, err := fmt.Fprintf(a.Stdout, "%s: %s\n", output.Count(done.Rows, "row"), strings.Join(parts, ", "))
	return err
}

func (c Cmd) printDryRun(a *app.App, done summary) error {
	var rows [][]string
	for _, e := range done.Sample {
		var data map[string]any
		if err := json.Unmarshal(e.Data(), &data); err != nil {
			return err
		}
		rows = append(rows, []string{e.Type(), events.UserID(e), strings.Join(slices.Sorted(maps.Keys(data)), ", ")})
	}
	if err := c.Rows(a, []string{"type", "user", "members"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Stdout, "%s: %d can be sent, %s not valid; nothing was sent\n", output.Count(done.Rows, "row"), done.Rows-done.Invalid, strconv.Itoa(done.Invalid))
	return err
}
