package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

type statusCmd struct {
	Watch bool          `help:"Tell it again, every so often, until interrupted."`
	Every time.Duration `help:"With --watch: how often; every 2s by default." placeholder:"DURATION"`
	JSON  bool          `help:"Print a JSON object; with --watch one a line."`
}

// Help is shown below the flags.
func (statusCmd) Help() string {
	return `Asks NATS, and no vendor: the answer is the same from every machine.
serving: a process owns the vendor. idle: no process does, and nothing waits. waiting: something waits, and no process
owns the vendor: is usher serve running, and is the vendor on there? on hold: the vendor fails or refuses us, and usher
tries it now and then. paused: by usher pause.
pending: events that are stored and not taken up yet. waiting: users (and activity events) that wait for a retry, for
an account, for approval, or for the vendor. oldest: the oldest event that is pending or at work.
Exit code 0: every vendor that has consumers is serving, idle or paused, and no deletion is held. 1: something wants a
look.

Examples:
  usher status
  usher status --watch
  usher status --json | jq '.vendors[] | select(.state == "on hold")'`
}

// Validate refuses a time that is none.
func (s statusCmd) Validate() error {
	switch {
	case s.Every == 0:
		return nil
	case !s.Watch:
		return errors.New("--every goes with --watch")
	case s.Every < 100*time.Millisecond:
		return errors.New("--every must be at least 100ms")
	default:
		return nil
	}
}

// usualEvery is how often --watch looks where nobody says.
const usualEvery = 2 * time.Second

// Run tells how all stands.
func (s statusCmd) Run(ctx context.Context, a *app.App) error {
	d, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	for {
		now, err := d.Status(ctx)
		if s.Watch && ctx.Err() != nil {
			return nil // whoever watched has seen enough
		}
		if err != nil {
			return app.Advise(err)
		}
		if s.Watch && !s.JSON && output.IsTerminal(a.Stdout) {
			_, _ = fmt.Fprint(a.Stdout, "\x1b[H\x1b[2J") // from the top of the screen
		}
		if err := s.tell(a, now); err != nil {
			return err
		}
		switch {
		case !s.Watch && !now.OK:
			return app.ErrSilent
		case !s.Watch:
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(cmp.Or(s.Every, usualEvery)):
		}
	}
}

func (s statusCmd) tell(a *app.App, now ops.Status) error {
	if s.JSON {
		return json.NewEncoder(a.Stdout).Encode(now)
	}
	var rows [][]string
	for _, v := range now.Vendors {
		rows = append(rows, []string{
			v.Vendor, stateOf(v), fmt.Sprint(v.Pending), fmt.Sprint(v.Waiting), age(v.Oldest, now.At), fmt.Sprint(v.Dead), v.Why,
		})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "no vendor has consumers on this NATS: usher serve makes them, once a vendor is on")
		return err
	}
	if err := output.Rows(a.Stdout, []string{"vendor", "state", "pending", "waiting", "oldest", "dead letters", "why"}, rows); err != nil {
		return err
	}
	if until := now.Approved; until != nil {
		if _, err := fmt.Fprintf(a.Stdout, "deletions: none is held until %s; see approve deletions --end\n", until.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
	}
	if held := now.Deletions; held != nil {
		_, err := fmt.Fprintf(a.Stdout, "deletions are on hold since %s: %s; see usher approve deletions --help\n", held.Since.UTC().Format(time.RFC3339), held.Why)
		return err
	}
	return nil
}

// stateOf says how a vendor stands.
func stateOf(v ops.VendorStatus) string {
	said := []string{v.State}
	if v.Since != nil {
		said = append(said, "since "+v.Since.UTC().Format(time.RFC3339))
	}
	if v.Until != nil {
		said = append(said, "until "+v.Until.UTC().Format(time.RFC3339))
	}
	return strings.Join(said, " ")
}

// age is how long ago that was.
func age(since *time.Time, now time.Time) string {
	if since == nil {
		return "-"
	}
	return now.Sub(*since).Round(time.Second).String()
}
