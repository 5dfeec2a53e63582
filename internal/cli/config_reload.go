package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// configReloadCmd is usher config reload.
type configReloadCmd struct {
	Wait       time.Duration `help:"Wait this long for the processes; ${default} by default." default:"30s" placeholder:"DURATION"`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (configReloadCmd) Help() string {
	return `Asks all processes of usher serve with workers, through NATS, to read the configuration again: courses, rules, rates,
credentials, vendors, clients, web hooks and people of the console, notifications, and secrets in files. Prints the
outcome of each process. An effect in work ends with the old configuration. If the new one has a fault, the old one
stays in use, and usher status says so. usher audit lists the request, and then the answer.
A changed file is read without this command, and SIGHUP has the same effect. Settings of nats, log, traces, worker,
activity, source, and the addresses and limits of http need a restart: the command lists them.
Exit code 0: every process uses the new configuration. 1: the new one has faults, or a process does not answer.

Examples:
  usher config check && usher config reload --reason "a course was mapped wrongly"
  usher config reload -o json`
}

// The outcomes of a reload in a process.
const (
	reloaded = "reloaded"
	refused  = "refused"
	silent   = "no answer"
	gone     = "ended"
)

// reloadOutcome is the outcome of a reload in a process.
type reloadOutcome struct {
	Outcome string `json:"outcome"`
	streams.Configuration
}

// Run asks for a reload, and prints the outcome in each process.
func (k configReloadCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	before, err := service.Processes(ctx)
	if err != nil {
		return app.Advise(err)
	}
	at, err := service.RequestReload(ctx, a.Actor(k.Actor))
	if err != nil {
		return app.Advise(err)
	}
	list, err := k.await(ctx, service, before, at)
	if err != nil {
		return err
	}
	if err := service.RecordReload(ctx, a.Actor(k.Actor), worst(list)); err != nil {
		return app.Advise(err)
	}
	if len(list) == 0 {
		return errNoReload
	}
	return k.print(a, list)
}

var errNoReload = errors.New("no process has read the configuration: is usher serve running, with workers?")

// await returns the outcomes in all processes, once each has answered, or after the time of the command.
func (k configReloadCmd) await(ctx context.Context, service *ops.Service, before []streams.Configuration, at time.Time) ([]reloadOutcome, error) {
	const look = 200 * time.Millisecond
	limit := time.After(k.Wait)
	for last := false; ; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-limit:
			last = true
		case <-time.After(look):
		}
		now, err := service.Processes(ctx)
		if err != nil && !last {
			continue // in passing
		}
		list, all := outcomes(before, now, at)
		if last || all && len(list) > 0 {
			return list, err
		}
	}
}

// outcomes returns the outcome of a request in each process, and whether all processes have answered.
func outcomes(before, now []streams.Configuration, at time.Time) (list []reloadOutcome, all bool) {
	present := map[string]bool{}
	all = true
	for _, p := range now {
		present[p.ID] = true
		o := reloadOutcome{reloaded, p}
		switch {
		case p.Read.After(at) && p.Request.IsZero(): // started since
		case p.Request.Before(at):
			o.Outcome, all = silent, false
		case len(p.Faults) > 0:
			o.Outcome = refused
		}
		list = append(list, o)
	}
	for _, p := range before {
		if !present[p.ID] {
			list = append(list, reloadOutcome{gone, p})
		}
	}
	return list, all
}

// worst returns the outcome of all processes together: one process that has refused is enough for refused.
func worst(list []reloadOutcome) string {
	for _, outcome := range []string{refused, silent, reloaded} {
		if slices.ContainsFunc(list, func(o reloadOutcome) bool { return o.Outcome == outcome }) {
			return outcome
		}
	}
	return silent
}

func (k configReloadCmd) print(a *app.App, list []reloadOutcome) error {
	outcome := error(nil)
	for _, o := range list {
		if o.Outcome == refused || o.Outcome == silent {
			outcome = app.ErrSilent
		}
	}
	if k.Data() {
		return errors.Join(k.Write(a, list), outcome)
	}
	var rows [][]string
	for _, o := range list {
		rows = append(rows, []string{o.Process, o.Outcome, o.text()})
	}
	return errors.Join(k.Advice(a, []string{"process", "outcome", "why"}, rows), outcome)
}

// text returns the outcome in words.
func (o reloadOutcome) text() string {
	switch {
	case o.Outcome == refused:
		return output.Plain("the old configuration stays in use: "+strings.Join(o.Faults, "; "), "")
	case o.Outcome == silent:
		return "see its log"
	case o.Outcome == gone:
		return "the process has ended"
	case len(o.Restart) > 0:
		return fmt.Sprintf("a restart is needed for %s", strings.Join(o.Restart, ", "))
	default:
		return "the configuration is in use"
	}
}
