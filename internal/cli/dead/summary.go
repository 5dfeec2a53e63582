package dead

import (
	"fmt"
	"io"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
)

// each does the same to all of list, and returns those it was done to.
func each(list []bus.DeadLetter, do func(bus.DeadLetter) error) ([]bus.DeadLetter, error) {
	for i, d := range list {
		if err := do(d); err != nil {
			return list[:i], fmt.Errorf("%s: %w; those behind it are as they were", d.ID(), err)
		}
	}
	return list, nil
}

// toll is what was done to dead letters, and how it is told.
type toll struct {
	verb        string
	reason      string
	left        int // how many more would have fitted
	replaying   int // that fit, but are on their way
	quarantined int // that fit, but are quarantined
	json        bool
}

// told prints what was done.
func (t toll) told(a *app.App, done []bus.DeadLetter) error {
	if t.json {
		ids := make([]string, len(done))
		for i, d := range done {
			ids[i] = d.ID()
		}
		return output.JSON(a.Stdout, struct {
			Done        string   `json:"done"`
			IDs         []string `json:"ids"`
			Left        int      `json:"left"`
			Replaying   int      `json:"replaying"`
			Quarantined int      `json:"quarantined"`
			Reason      string   `json:"reason,omitempty"`
		}{t.verb, ids, t.left, t.replaying, t.quarantined, t.reason})
	}
	var rows [][]string
	for _, d := range done {
		rows = append(rows, []string{t.verb, d.ID(), d.Type, d.EventID, t.reason})
	}
	if len(rows) > 0 {
		if err := output.Rows(a.Stdout, []string{"", "ID", "type", "event", "reason"}, rows); err != nil {
			return err
		}
	}
	return t.rest(a.Stderr, len(done))
}

// rest says what was not done, and why.
func (t toll) rest(w io.Writer, done int) error {
	var lines []string
	if t.left > 0 {
		lines = append(lines, output.Count(t.left, "dead letter")+" left: run it again for more")
	}
	if t.replaying > 0 {
		lines = append(lines, output.Count(t.replaying, "dead letter")+" on the way already (see --again)")
	}
	if t.quarantined > 0 {
		lines = append(lines, output.Count(t.quarantined, "dead letter")+" quarantined (see --quarantined)")
	}
	if len(lines) == 0 && done == 0 {
		lines = append(lines, "there is no dead letter that fits")
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
