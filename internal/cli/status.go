package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// statusCmd is usher status.
type statusCmd struct {
	Watch      bool          `help:"Refresh periodically until interrupted."`
	Every      time.Duration `help:"With --watch: time between refreshes; 2s by default." placeholder:"DURATION"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (statusCmd) Help() string {
	return `Reads NATS only and calls no vendor: the answer is the same from every machine.
State serving: a process owns the vendor. idle: no process owns the vendor, and no event waits. waiting: events wait,
and no process owns the vendor; is usher serve running, with this vendor on? failing: two or more users wait after
failed tries, and no user has succeeded at the vendor since the time shown. on hold: calls stopped, since most users
failed or the vendor refuses the credentials; usher checks the vendor periodically. paused: by usher pause. off: by mode off in the configuration here;
events wait. With mode shadow the state has the word shadow: nothing is changed at the vendor.
pending: events that are stored and not yet registered. waiting: users (and activity events) that wait for a retry, an
account, an approval, or the vendor. oldest: the age of the oldest event that is pending, in flight or waiting.
why: the reason of the state; with serving, users that wait after failed tries, while others succeed or only one was tried.
With --watch, JSON has one object per line.
A stream that holds 80 % of its limit is listed: raise nats.storage, nats.max_bytes or nats.limits, and run usher nats apply.
JSON has the time at which usher serve read its configuration. A newer configuration with faults waits.
Exit code 0: every vendor with consumers is serving, idle, paused or off, no deletion is held, and no stream is nearly
full. 1: otherwise, also for failing; single users with failed tries do not count.

Examples:
  usher status
  usher status --watch
  usher status --json | jq '.vendors[] | select(.state == "on hold")'`
}

// Validate returns an error for a bad --every.
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

// defaultEvery is the time between two refreshes of --watch.
const defaultEvery = 2 * time.Second

// Run prints the status, once or periodically.
func (s statusCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	for {
		now, err := service.Status(ctx)
		if s.Watch && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return app.Advise(err)
		}
		if s.Watch && !s.JSON && output.IsTerminal(a.Stdout) {
			_, _ = fmt.Fprint(a.Stdout, "\x1b[H\x1b[2J") // clear the screen
		}
		if err := s.print(a, now); err != nil {
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
		case <-time.After(cmp.Or(s.Every, defaultEvery)):
		}
	}
}

// whyOf returns the reason of a state, with the remedy of a hold.
func whyOf(v ops.VendorStatus) string {
	if remedy := v.Remedy(); remedy != "" {
		return v.Why + "; to do: " + remedy
	}
	return v.Why
}

func (s statusCmd) print(a *app.App, now ops.Status) error {
	if s.Data() {
		return s.Item(a, now)
	}
	var rows [][]string
	for _, v := range now.Vendors {
		rows = append(rows, []string{
			v.Vendor, stateOf(v), fmt.Sprint(v.Pending), fmt.Sprint(v.Waiting), age(v.OldestWork(), now.At), fmt.Sprint(v.Dead), whyOf(v),
		})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "no vendor has consumers on this NATS: usher serve creates them, once a vendor is on")
		return err
	}
	err := s.Advice(a, []string{"vendor", "state", "pending", "waiting", "oldest", "dead letters", "why"}, rows)
	for _, f := range now.Filling {
		failed := output.Sentence(a.Stdout, "%s is %d %% full: %d of %d MiB; a full stream takes no message, and nothing is removed; see usher status --help",
			f.Stream, f.Percent, f.Bytes>>20, f.MaxBytes>>20)
		err = errors.Join(err, failed)
	}
	for _, v := range now.Left {
		failed := output.Sentence(a.Stdout, "%s is not in the configuration any more: its records, consumers and %s are still stored; see docs/instances.md",
			v.Vendor, output.Count(v.Dead, "dead letter"))
		err = errors.Join(err, failed)
	}
	for _, name := range slices.Sorted(maps.Keys(now.Notify)) {
		f := now.Notify[name]
		failed := output.Sentence(a.Stdout, "notifications to %s fail since %s: %s; see usher notify test %s", name, f.Since.UTC().Format(time.RFC3339), output.Plain(f.Why, ""), name)
		err = errors.Join(err, failed)
	}
	return errors.Join(err, printProcesses(a.Stdout, now.Processes), printDead(a.Stdout, now), printDeletions(a.Stdout, now))
}

// printDead prints the numbers of dead letters that belong to no single vendor.
func printDead(w io.Writer, now ops.Status) (err error) {
	if now.Events > 0 {
		err = output.Sentence(w, "events at fault, for all vendors: %s; see usher dead list --vendor %s", output.Count(now.Events, "dead letter"), streams.EventPlace)
	}
	if now.Webhooks > 0 && err == nil {
		err = output.Sentence(w, "deliveries that became no event: %s; see usher dead list --vendor %s", output.Count(now.Webhooks, "dead letter"), ops.Deliveries)
	}
	return err
}

// printProcesses prints the processes for which a newer configuration waits, or a restart is needed.
func printProcesses(w io.Writer, list []streams.Configuration) (err error) {
	for _, p := range list {
		if len(p.Faults) > 0 && err == nil {
			err = output.Sentence(w, "configuration: that of %s is in use in %s; a newer one has %s, and waits: %s",
				p.Read.UTC().Format(time.RFC3339), p.Process, output.Count(len(p.Faults), "fault"), output.Plain(strings.Join(p.Faults, "; "), ""))
		}
		if len(p.Restart) > 0 && err == nil {
			err = output.Sentence(w, "configuration: a restart of usher serve in %s is needed for %s", p.Process, strings.Join(p.Restart, ", "))
		}
	}
	return err
}

// printDeletions prints the approval and the hold of deletions, if there are any.
func printDeletions(w io.Writer, now ops.Status) (err error) {
	if until := now.Approved; until != nil {
		err = output.Sentence(w, "deletions: none is held until %s; see usher approve deletions --end", until.UTC().Format(time.RFC3339))
	}
	if held := now.Deletions; held != nil && err == nil {
		err = output.Sentence(w, "deletions are on hold since %s: %s; see usher approve deletions --help", held.Since.UTC().Format(time.RFC3339), held.Why)
	}
	for _, v := range now.Vendors {
		if until := v.Approved; until != nil && err == nil {
			err = output.Sentence(w, "deletions at %s: none is held until %s; see usher approve deletions --end --vendor %s", v.Vendor, until.UTC().Format(time.RFC3339), v.Vendor)
		}
		if held := v.Deletions; held != nil && err == nil {
			err = output.Sentence(w, "deletions at %s are on hold since %s: %s; see usher approve deletions --vendor %s --list",
				v.Vendor, held.Since.UTC().Format(time.RFC3339), held.Why, v.Vendor)
		}
	}
	return err
}

// stateOf returns the state of a vendor, with its times.
func stateOf(v ops.VendorStatus) string {
	parts := []string{v.State}
	if v.Mode == string(config.Shadow) {
		parts = []string{v.State + ", shadow"}
	}
	if v.Since != nil {
		parts = append(parts, "since "+v.Since.UTC().Format(time.RFC3339))
	}
	if v.Until != nil {
		parts = append(parts, "until "+v.Until.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, " ")
}

// age returns the time since then; "-" if there is none.
func age(since *time.Time, now time.Time) string {
	if since == nil {
		return "-"
	}
	return now.Sub(*since).Round(time.Second).String()
}
