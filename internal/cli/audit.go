package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/streams"
)

// auditCmd is usher audit.
type auditCmd struct {
	Follow     bool      `short:"f" help:"Wait for further actions at the end."`
	Since      app.Since `help:"Only since then: 24h, 7d, 2026-03-01 or 2026-03-01T10:00:00Z." placeholder:"TIME"`
	Verify     bool      `help:"Verify the links between the entries instead: find changed, removed and forged entries."`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (auditCmd) Help() string {
	return `Actions of people on dead letters and vendors, oldest first: time, action, object, person, and
reason. usher stores an action before carrying it out: an action that NATS then refused is listed
too. A reload of the configuration has two entries: requested, and the answer of the processes. Actions are kept for nats.audit_max_age. In JSON, each action is the stored CloudEvent, one per line.

Each entry is linked to the entry before. --verify compares all links, and ends with exit code 1
after a fault. With nats.audit_key, nobody without the key can write a link.

Examples:
  usher audit --since 24h
  usher audit --follow --json | jq .data
  usher audit --verify`
}

// Validate returns an error for flags that exclude each other.
func (c auditCmd) Validate() error {
	if c.Verify && (c.Follow || !c.Since.IsZero()) {
		return errors.New("--verify reads all entries: leave out --follow and --since")
	}
	return nil
}

// Run prints the actions.
func (c auditCmd) Run(ctx context.Context, a *app.App) error {
	_, set, end, err := a.ConnectAlone(ctx)
	if err != nil {
		return err
	}
	defer end()
	if c.Verify {
		return c.verify(ctx, a, set.Audit)
	}
	query := streams.AuditQuery{Follow: c.Follow, Since: c.Since.Time}
	if c.Follow {
		a.Remark("waiting for further actions; Ctrl-C ends")
	}
	none := true
	for entry, err := range set.Audit.List(ctx, query) {
		switch {
		case c.Follow && ctx.Err() != nil: // the end of a follower
			return nil
		case err != nil:
			return app.Advise(err)
		}
		if none {
			if err := c.Head(a, []string{"time", "action", "object", "who", "why"}, auditWidths); err != nil {
				return err
			}
		}
		none = false
		if err := c.print(a, entry.Event, entry.Action); err != nil {
			return err
		}
	}
	if none {
		a.Remark("no actions")
	}
	return nil
}

// verify prints the faults of the links.
func (c auditCmd) verify(ctx context.Context, a *app.App, log *streams.Audit) error {
	report, err := log.Verify(ctx)
	if err != nil {
		return app.Advise(err)
	}
	if c.Data() {
		err = c.Write(a, report)
	}
	for _, f := range report.Faults {
		if !c.Data() && err == nil {
			err = c.Row(a, []string{strconv.FormatUint(f.Seq, 10), f.Problem}, []int{10, 0})
		}
	}
	if err != nil {
		return err
	}
	if n := report.Unlinked; n > 0 {
		a.Remark(fmt.Sprintf("%d entries of a former version have no links", n))
	}
	if n := len(report.Faults); n > 0 {
		return fmt.Errorf("the audit log is not as usher wrote it: %d faults in %d entries", n, report.Entries)
	}
	a.Remark(fmt.Sprintf("%d entries, no fault", report.Entries))
	return nil
}

// print prints an action.
func (c auditCmd) print(a *app.App, e events.Event, done streams.Action) error {
	if c.Data() {
		return c.CloudEvent(a, e)
	}
	fields := []string{done.At.UTC().Format(time.RFC3339), strings.TrimPrefix(done.Kind, "usher."), done.Object(), done.Who}
	if !c.IsTable(a) {
		return c.Row(a, append(fields, done.Why, detail(done)), nil)
	}
	why := strings.Trim(strings.Join([]string{done.Why, detail(done)}, "; "), "; ")
	return c.Row(a, append(fields, why), auditWidths)
}

// auditWidths are the least widths of the columns of a table.
var auditWidths = []int{9, 22, 16, 8, 0}

// detail returns the other values of an action.
func detail(done streams.Action) string {
	var parts []string
	if done.Type != "" {
		parts = append(parts, done.Type+" "+done.EventID)
	}
	if done.Replay > 0 {
		parts = append(parts, "replay "+strconv.Itoa(done.Replay))
	}
	if !done.Until.IsZero() {
		parts = append(parts, "until "+done.Until.UTC().Format(time.RFC3339))
	}
	if done.Outcome != "" {
		parts = append(parts, done.Outcome)
	}
	return strings.Join(parts, ", ")
}
