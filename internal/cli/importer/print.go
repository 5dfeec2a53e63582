package importer

import (
	"cmp"
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

// printFaults prints the first faults for a person, then the number of the others by reason.
func (c Cmd) printFaults(a *app.App, done summary) error {
	if c.Data() {
		return nil
	}
	var text strings.Builder
	shown := min(len(done.Faults), listed)
	for _, f := range done.Faults[:shown] {
		fmt.Fprintf(&text, "line %d: %s\n", f.Line, output.Plain(f.Why, ""))
	}
	if more := done.Faults[shown:]; len(more) > 0 {
		place := "-o json lists all"
		if !c.DryRun && !c.Strict {
			place += ", and so does " + output.Plain(c.reportPath(), "")
		}
		fmt.Fprintf(&text, "%s not valid: %s\n", output.Count(len(more), "more row"), place)
		for _, why := range reasons(more) {
			fmt.Fprintf(&text, "  %s\n", output.Plain(why, ""))
		}
	}
	if d := done.Doubles; d.Rows > 0 {
		fmt.Fprintf(&text, "warning: %s of a user with another row of other data, the first in line %d (also line %d): all are sent, in the order of the file\n",
			output.Count(d.Rows, "row"), d.Line, d.First)
	}
	_, err := fmt.Fprint(a.Stderr, text.String())
	return err
}

// reasons returns a line for each reason, the most frequent first, of the first few.
func reasons(faults []entry) (lines []string) {
	first, count := map[string]int{}, map[string]int{}
	for _, f := range faults {
		if count[f.Why]++; count[f.Why] == 1 {
			first[f.Why] = f.Line
		}
	}
	order := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(first[a], first[b]))
	})
	for _, why := range order[:min(len(order), listed)] {
		lines = append(lines, fmt.Sprintf("%d, the first in line %d: %s", count[why], first[why], why))
	}
	return lines
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
