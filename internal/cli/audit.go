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

type auditCmd struct {
	Follow bool          `short:"f" help:"Wait for further actions at the end."`
	Since  time.Duration `help:"Of the time since then only, such as 24h." placeholder:"DURATION"`
	JSON   bool          `help:"Print each action as the CloudEvent that was written down, one a line."`
}

// Help is shown below the flags.
func (auditCmd) Help() string {
	return `What people did to dead letters and vendors, oldest first: time, what, to what, by whom, and
why. An action is written down before it is done, so one that NATS then refused stands here too.
It is kept for nats.audit_max_age. Elsewhere than on a terminal there are tabs between the values.

Examples:
  usher audit --since 24h
  usher audit --follow --json | jq .data`
}

// Validate refuses a time that is to come.
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
		failed = c.line(a, e, done)
		return failed == nil
	})
	if c.Follow && ctx.Err() != nil {
		return nil // whoever followed has seen enough
	}
	if none && err == nil {
		a.Remark("no actions")
	}
	return errors.Join(failed, app.Advise(err))
}

// line prints one action.
func (c auditCmd) line(a *app.App, e events.Event, done bus.Action) error {
	if c.JSON {
		return output.Event(a.Stdout, e)
	}
	return output.Row(a.Stdout, []string{
		done.At.UTC().Format(time.RFC3339), strings.TrimPrefix(done.Kind, "usher."), done.What(), done.Who, done.Why, detail(done),
	}, []int{20, 14, 0, 0, 0, 0})
}

// detail is what else there is to say of an action.
func detail(done bus.Action) string {
	var said []string
	if done.Type != "" {
		said = append(said, done.Type+" "+done.EventID)
	}
	if done.Replay > 0 {
		said = append(said, "replay "+strconv.Itoa(done.Replay))
	}
	if !done.Until.IsZero() {
		said = append(said, "until "+done.Until.UTC().Format(time.RFC3339))
	}
	return strings.Join(said, ", ")
}
