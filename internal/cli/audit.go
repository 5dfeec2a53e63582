package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/streams"
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
	_, set, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	query := streams.AuditQuery{Follow: c.Follow}
	if c.Since > 0 {
		query.Since = time.Now().Add(-c.Since)
	}
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
		none = false
		if err := c.line(a, entry.Event, entry.Action); err != nil {
			return err
		}
	}
	if none {
		a.Remark("no actions")
	}
	return nil
}

// line prints one action.
func (c auditCmd) line(a *app.App, e events.Event, done streams.Action) error {
	if c.JSON {
		return output.Event(a.Stdout, e)
	}
	return output.Row(a.Stdout, []string{
		done.At.UTC().Format(time.RFC3339), strings.TrimPrefix(done.Kind, "usher."), done.Object(), done.Who, done.Why, detail(done),
	}, []int{20, 14, 0, 0, 0, 0})
}

// detail is what else there is to say of an action.
func detail(done streams.Action) string {
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
