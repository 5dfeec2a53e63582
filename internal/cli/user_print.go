package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// userPrinter prints a user.
type userPrinter struct {
	*app.App
	app.Output
	clock func(time.Time) string // formats a time
	long  bool                   // with hashes, and times to the second
}

// newUserPrinter returns a printer. On a terminal, the table shortens times, unless long.
func newUserPrinter(a *app.App, o app.Output, long bool) userPrinter {
	p := userPrinter{App: a, Output: o, long: long, clock: func(t time.Time) string { return t.UTC().Format(time.RFC3339) }}
	if long && output.IsTerminal(a.Stdout) {
		p.clock = o.LongTime
	}
	return p
}

// user prints the state at each vendor, the accounts, and every event in order of its registration.
func (p userPrinter) user(u ops.User) error {
	if err := p.vendors(u); err != nil {
		return err
	}
	if err := p.accounts(u.History); err != nil {
		return err
	}
	if u.More > 0 {
		if _, err := fmt.Fprintf(p.Stdout, "%d older effects are not shown\n", u.More); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, e := range u.Events {
		for _, run := range e.Runs() {
			tries, reason := fmt.Sprint(run.Attempts), p.reason(run)
			if p.IsTable(p.App) { // has no room for a column
				tries = ""
				if run.Attempts > 1 {
					reason = strings.TrimSuffix(output.Count(run.Attempts, "attempt")+"; "+reason, "; ")
				}
			}
			rows = append(rows, []string{p.clock(run.Time), e.Type, e.EventID, e.Vendor, run.State, tries, reason})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return p.Advice(p.App, []string{"since", "type", "event", "vendor", "state", "attempts", "why"}, rows)
}

// timeline prints the steps of each event.
func (p userPrinter) timeline(u ops.User) error {
	head, rows := []string{"time", "event", "vendor", "step", "what"}, [][]string{}
	if p.long {
		head = []string{"time", "event", "vendor", "step", "key", "result", "trace", "what"}
	}
	for _, s := range u.Timeline() {
		row := []string{p.clock(s.At), s.EventID, s.Vendor, s.Step}
		if p.long {
			row = append(row, s.Key, s.Result, s.Trace)
		}
		rows = append(rows, append(row, s.Text))
	}
	return p.Advice(p.App, head, rows)
}

// vendors prints one line for each vendor.
func (p userPrinter) vendors(u ops.User) error {
	var rows [][]string
	lines, off := u.Shown()
	for _, v := range lines {
		text := whyAndDo(v)
		if p.isAtFault(v) {
			text = "an event at fault: see below"
		}
		rows = append(rows, []string{v.Vendor, vendorState(v), p.when(v), text})
	}
	if err := p.Advice(p.App, []string{"vendor", "state", "when", "why, and what to do"}, rows); err != nil {
		return err
	}
	lines = slices.DeleteFunc(lines, func(v ops.UserAtVendor) bool { return !p.isAtFault(v) })
	slices.SortStableFunc(lines, func(a, b ops.UserAtVendor) int { return strings.Compare(a.Dead, b.Dead) })
	for _, v := range slices.CompactFunc(lines, func(a, b ops.UserAtVendor) bool { return a.Dead == b.Dead }) {
		if err := p.Advice(p.App, nil, [][]string{{v.Dead, whyAndDo(v)}}); err != nil {
			return err
		}
	}
	if len(off) > 0 {
		p.Remark("off, and without a trace of the user: " + strings.Join(off, ", ") + "; see usher config check")
	}
	if u.Unsearched == 0 {
		return nil
	}
	_, err := fmt.Fprintf(p.Stdout, "%s of the stream were not searched for events of the user: the vendors are too far behind\n", output.Count(int(u.Unsearched), "event"))
	return err
}

// isAtFault reports whether a table has the dead letter of a line once, below all vendors: the event is at fault
// for every vendor.
func (p userPrinter) isAtFault(v ops.UserAtVendor) bool {
	return p.IsTable(p.App) && strings.HasPrefix(v.Dead, streams.EventPlace+".")
}

// whyAndDo returns the reason and the remedy of a line.
func whyAndDo(v ops.UserAtVendor) string {
	if v.Why == "" || v.Do == "" {
		return v.Why + v.Do
	}
	return v.Why + "; to do: " + v.Do
}

// when returns the times of a line.
func (p userPrinter) when(v ops.UserAtVendor) string {
	var parts []string
	if v.Since != nil {
		parts = append(parts, "since "+p.clock(*v.Since))
	}
	if v.Until != nil {
		parts = append(parts, v.UntilWord()+" "+p.clock(*v.Until))
	}
	return strings.Join(parts, ", ")
}

// vendorState returns the state with the mode, the attempts, and the dead letters beside the state.
func vendorState(v ops.UserAtVendor) string {
	text := v.State
	if v.Mode == "shadow" {
		text += " (shadow: nothing is changed)"
	}
	if v.Attempts > 0 && v.State == ops.UserWaiting {
		text += ", " + output.Count(v.Attempts, "attempt")
	}
	if v.State == ops.UserDead && v.Class != "" {
		text += ", " + v.Class
	}
	if v.Letters > 0 && v.State != ops.UserDead || v.Letters > 1 {
		text += ", " + output.Count(v.Letters, "dead letter")
	}
	return text
}

// accounts prints the state of the user's accounts.
func (p userPrinter) accounts(h ops.History) error {
	var rows [][]string
	for _, at := range h.Accounts {
		state := at.State
		if at.DeletedAt != nil {
			state += ", deleted on " + p.clock(*at.DeletedAt)
		}
		rows = append(rows, []string{at.Vendor, state, at.ID, fmt.Sprint(len(at.Courses))})
	}
	if len(rows) == 0 {
		return nil
	}
	return p.Rows(p.App, []string{"vendor", "account", "id", "courses"}, rows)
}

// reason returns the reason for the state of an effect, and the command for more.
func (p userPrinter) reason(e ops.HistoryEvent) string {
	var parts []string
	if by := e.SentBackBy(); by != "" {
		parts = append(parts, by)
	}
	if step := e.Step(); step != "" {
		parts = append(parts, step)
	}
	if e.State == ops.EffectHeld {
		parts = append(parts, "since "+p.clock(e.Time))
	}
	if e.Why != "" {
		parts = append(parts, e.Why)
	}
	if e.Until != nil {
		parts = append(parts, "next try at "+p.clock(*e.Until))
	}
	if e.GivenUp != nil {
		parts = append(parts, "given up at "+p.clock(*e.GivenUp))
	}
	if e.Dead != "" {
		parts = append(parts, "usher dead show "+e.Dead)
	}
	return strings.Join(parts, "; ")
}
