package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
)

// auditCmd is usher audit.
type auditCmd struct {
	Follow bool          `short:"f" help:"Wait for further actions at the end."`
	Since  time.Duration `help:"Only of this last time, such as 24h." placeholder:"DURATION"`
	JSON   bool          `help:"Print each action as the stored CloudEvent, one per line."`
}

// Help is shown below the flags.
func (auditCmd) Help() string {
	return `Actions of people on dead letters and vendors, oldest first: time, action, object, person, and
reason. usher stores an action before carrying it out: an action that NATS then refused is listed
too. Actions are kept for nats.audit_max_age. Values are separated by tabs, except on a terminal.

Examples:
  usher audit --since 24h
  usher audit --follow --json | jq .data`
}

// Validate returns an error for a bad --since.
func (c auditCmd) Validate() error {
	if c.Since < 0 {
		return errors.New("--since cannot be negative")
	}
	return nil
}

// Run prints the actions.
func (c auditCmd) Run(ctx context.Context, a *app.App) error {
	_, b, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	query := bus.AuditQuery{Follow: c.Follow}
	if c.Since > 0 {
		query.Since = time.Now().Add(-c.Since)
	}
	if c.Follow {
		a.Remark("waiting for further actions; Ctrl-C ends")
	}
	var failed error
	none := true
	err = b.Actions(ctx, query, func(e events.Event, done bus.Action) bool {
		none = false
		failed = c.print(a, e, done)
		return failed == nil
	})
	if c.Follow && ctx.Err() != nil {
		return nil
	}
	if none && err == nil {
		a.Remark("no actions")
	}
	return errors.Join(failed, app.Advise(err))
}

// print prints an action.
func (c auditCmd) print(a *app.App, e events.Event, done bus.Action) error {
	if c.JSON {
		return output.Event(a.Stdout, e)
	}
	return output.Row(a.Stdout, []string{
		done.At.UTC().Format(time.RFC3339), strings.TrimPrefix(done.Kind, "usher."), done.What(), done.Who, done.Why, detail(done),
	}, []int{20, 14, 0, 0, 0, 0})
}

// detail returns the other values of an action.
func detail(done bus.Action) string {
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
	return strings.Join(parts, ", ")
}
