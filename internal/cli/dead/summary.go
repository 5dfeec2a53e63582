package dead

import (
	"fmt"
	"io"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// each calls do for each of list up to the first error, and returns those before the error.
func each(list []streams.DeadLetter, do func(streams.DeadLetter) error) ([]streams.DeadLetter, error) {
	for i, d := range list {
		if err := do(d); err != nil {
			return list[:i], fmt.Errorf("%s: %w; the later ones are unchanged", d.ID(), err)
		}
	}
	return list, nil
}

// replaySummary is the outcome of a command for dead letters.
type replaySummary struct {
	verb        string
	reason      string
	left        int // beyond --max
	replaying   int // left out: in flight
	quarantined int // left out: quarantined
	app.Output
}

// print prints the dead letters of done, and the counts of those left out.
func (s replaySummary) print(a *app.App, done []streams.DeadLetter) error {
	if s.Data() {
		ids := make([]string, len(done))
		for i, d := range done {
			ids[i] = d.ID()
		}
		return s.Write(a, struct {
			Done        string   `json:"done"`
			IDs         []string `json:"ids"`
			Left        int      `json:"left"`
			Replaying   int      `json:"replaying"`
			Quarantined int      `json:"quarantined"`
			Reason      string   `json:"reason,omitempty"`
		}{s.verb, ids, s.left, s.replaying, s.quarantined, s.reason})
	}
	var rows [][]string
	for _, d := range done {
		rows = append(rows, []string{s.verb, d.ID(), d.Type, d.EventID, s.reason})
	}
	if len(rows) > 0 {
		if err := s.Advice(a, []string{"", "ID", "type", "event", "reason"}, rows); err != nil {
			return err
		}
	}
	return s.printRest(a.Stderr, len(done))
}

// printEnds prints the ends of the replays, and returns ErrSilent if one has failed.
func (s replaySummary) printEnds(a *app.App, sent []streams.DeadLetter, ends []ops.ReplayEnd) error {
	out := followed{Sent: len(sent), Failed: []ops.FailedAt{}, Left: s.left, Replaying: s.replaying, Quarantined: s.quarantined, Reason: s.reason}
	var rows [][]string
	for _, e := range ends {
		if len(e.Failed) == 0 {
			out.Done++
			rows = append(rows, []string{"done", e.ID(), e.Type, e.EventID, ""})
		}
		for _, f := range e.Failed {
			rows = append(rows, []string{"failed", f.ID, e.Type, e.EventID, f.Class + ": " + f.Message})
		}
		out.Failed = append(out.Failed, e.Failed...)
	}
	out.Open = len(sent) - len(ends)
	if err := s.printFollowed(a, out, rows); err != nil {
		return err
	}
	if len(out.Failed) > 0 {
		return app.ErrSilent
	}
	return nil
}

// followed is the outcome of a command that followed its replays.
type followed struct {
	Sent        int            `json:"sent"`
	Done        int            `json:"done"`
	Failed      []ops.FailedAt `json:"failed"`
	Open        int            `json:"open"` // not ended, after an interrupt
	Left        int            `json:"left"`
	Replaying   int            `json:"replaying"`
	Quarantined int            `json:"quarantined"`
	Reason      string         `json:"reason,omitempty"`
}

func (s replaySummary) printFollowed(a *app.App, out followed, rows [][]string) error {
	if s.Data() {
		return s.Write(a, out)
	}
	if len(rows) > 0 {
		if err := s.Advice(a, []string{"", "ID", "type", "event", "message"}, rows); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("%s done, %d failed", output.Count(out.Done, "replay"), out.Sent-out.Done-out.Open)
	if out.Open > 0 {
		line += fmt.Sprintf(", %d not ended yet: see usher dead list", out.Open)
	}
	if out.Sent > 0 {
		if _, err := fmt.Fprintln(a.Stderr, line); err != nil {
			return err
		}
	}
	return s.printRest(a.Stderr, out.Sent)
}

// printRest prints the counts of the dead letters left out, with the reasons.
func (s replaySummary) printRest(w io.Writer, done int) error {
	var lines []string
	if s.left > 0 {
		lines = append(lines, output.Count(s.left, "dead letter")+" left: run it again for more")
	}
	if s.replaying > 0 {
		lines = append(lines, output.Count(s.replaying, "dead letter")+" on the way already (see --again)")
	}
	if s.quarantined > 0 {
		lines = append(lines, output.Count(s.quarantined, "dead letter")+" quarantined (see --quarantined)")
	}
	if len(lines) == 0 && done == 0 {
		lines = append(lines, "no dead letter matches")
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
