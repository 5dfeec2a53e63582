package cli

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/streams"
)

// configReloadCmd is usher config reload.
type configReloadCmd struct {
	Wait       time.Duration `help:"Wait this long for a process; ${default} by default." default:"30s" placeholder:"DURATION"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (configReloadCmd) Help() string {
	return `Asks all processes of usher serve with workers, through NATS, to read the configuration again: courses, rules, rates,
credentials, vendors, clients, web hooks and people of the console, and secrets in files. An effect in work ends with
the old configuration. If the new one has a fault, the old one stays in use, and usher status says so.
A changed file is read without this command, and SIGHUP has the same effect. Settings of nats, log, traces, worker,
activity, source, and the addresses and limits of http need a restart: the command lists them.
Exit code 0: a process uses the new configuration. 1: the new one has faults, or no process answers.

Examples:
  usher config check && usher config reload
  usher config reload -o json`
}

// Run asks for a reload, and prints the outcome at the first process.
func (k configReloadCmd) Run(ctx context.Context, a *app.App) error {
	_, set, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	before, _, err := set.Control.Configuration(ctx)
	if err != nil {
		return app.Advise(err)
	}
	if err := set.Control.RequestReload(ctx, time.Now().UTC()); err != nil {
		return app.Advise(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, k.Wait, errNoReload)
	defer cancel()
	const look = 200 * time.Millisecond
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(look):
		}
		now, _, err := set.Control.Configuration(ctx)
		if err == nil && !reflect.DeepEqual(now, before) {
			return k.print(a, now)
		}
	}
}

var errNoReload = errors.New("no process has read the configuration: is usher serve running, with workers?")

func (k configReloadCmd) print(a *app.App, now streams.Configuration) error {
	outcome := error(nil)
	if len(now.Faults) > 0 {
		outcome = app.ErrSilent
	}
	if k.Data() {
		return errors.Join(k.Write(a, now), outcome)
	}
	text := "the configuration is in use\n"
	for _, fault := range now.Faults {
		text = "the old configuration stays in use\n"
		_, _ = fmt.Fprintln(a.Stderr, "fault    "+output.Plain(fault, ""))
	}
	if len(now.Restart) > 0 {
		text += "a restart is needed for " + strings.Join(now.Restart, ", ") + "\n"
	}
	_, err := fmt.Fprint(a.Stdout, text)
	return errors.Join(err, outcome)
}
