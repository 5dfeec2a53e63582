// Package send holds the command usher send.
package send

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/schemas"
)

// Cmd is usher send.
type Cmd struct {
	Files      []string `arg:"" optional:"" name:"file" help:"The files, in this order; - and no file are standard input."`
	DryRun     bool     `help:"Check the events, and send nothing."`
	Via        string   `enum:"nats,http" default:"nats" help:"The way: nats, or http to POST /events."`
	URL        string   `name:"url" help:"With --via http: the address of usher serve; http.addr by default." placeholder:"URL"`
	Token      string   `help:"With --via http: the bearer token; the first of USHER_HTTP_TOKENS by default." placeholder:"TOKEN"`
	TokenFile  string   `help:"With --via http: the path of a file with the bearer token, which no list of processes shows." placeholder:"PATH"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `A file has one CloudEvent in JSON, a JSON array of events, or one event per line. If one event is
not valid, none is sent, of no file; the faults are listed with line, place and rule. Members of the
data that no schema has are a warning, with the member that was probably meant.
Events are sent in the order of the input, each after NATS has stored the previous one. To send events
again is safe: usher identifies an event by its source and id.

Examples:
  usher send events.ndjson
  usher send --dry-run monday.ndjson tuesday.ndjson
  jq -c '.[]' export.json | usher send
  usher send --via http --url https://usher.example.org --token-file token event.json`
}

// Validate returns an error for flags that exclude each other.
func (s Cmd) Validate() error {
	if s.Via == "nats" && (s.URL != "" || s.Token != "" || s.TokenFile != "") {
		return errors.New("--url, --token and --token-file go with --via http; for NATS set USHER_NATS_URL")
	}
	if s.Token != "" && s.TokenFile != "" {
		return errors.New("give --token or --token-file, not both")
	}
	return nil
}

// summary is the outcome of a command. HTTP does not report New and Known.
type summary struct {
	DryRun bool    `json:"dry_run,omitempty"`
	Sent   int     `json:"sent"`
	New    *int    `json:"new,omitempty"`
	Known  *int    `json:"known,omitempty"`
	Faults []fault `json:"faults,omitempty"`

	Warnings []warning `json:"warnings,omitempty"`
}

// Run reads, checks and sends the events.
func (s Cmd) Run(ctx context.Context, a *app.App) error {
	c, err := a.Config()
	if err != nil {
		return err
	}
	list, warnings, err := s.read(ctx, a)
	if faults, ok := errors.AsType[*faultsError](err); s.JSON && ok {
		return errors.Join(app.ErrSilent, s.Write(a, summary{Faults: faults.faults}))
	}
	if err != nil {
		return err
	}
	if !s.Data() {
		for _, w := range warnings {
			_, _ = fmt.Fprintln(a.Stderr, "warning: "+w.text())
		}
	}
	if s.DryRun {
		return s.print(a, summary{DryRun: true, Sent: len(list), Warnings: warnings})
	}
	p := output.NewProgress(a.Stderr)
	var done summary
	if s.Via == "http" {
		done, err = s.overHTTP(ctx, c.HTTP, list, p)
	} else {
		done, err = overNATS(ctx, a, c, list, p)
	}
	p.End()
	switch err = app.Interrupted(ctx, err); {
	case err == nil:
		done.Warnings = warnings
		return s.print(a, done)
	case done.Sent == 0:
		return err
	default:
		return fmt.Errorf("%w; sent the first %s of %d: send the input again, stored events are not duplicated", err, output.Count(done.Sent, "event"), len(list))
	}
}

// read reads and checks the input, and returns the events and the warnings about events.
func (s Cmd) read(ctx context.Context, a *app.App) ([]events.Event, []warning, error) {
	set, err := schemas.New()
	if err != nil {
		return nil, nil, err
	}
	check := func(e events.Event) error {
		if events.IsWebhookSource(e.Source()) {
			return &events.InvalidError{Pointer: "/source", Rule: "not-allowed", Detail: "sources below /webhooks/ belong to signed deliveries: choose another source"}
		}
		return set.Validate(e)
	}
	var all []events.Event
	failed := &faultsError{verb: "sent"}
	for _, name := range s.files() {
		list, err := readFile(ctx, a, name, check)
		if faults, ok := errors.AsType[*faultsError](err); ok {
			failed.add(name, len(s.Files) > 1, faults)
		} else if err != nil {
			return nil, nil, err
		}
		failed.of, all = failed.of+len(list), append(all, list...)
	}
	if len(failed.faults) > 0 {
		return nil, nil, failed
	}
	return all, warningsOf(set, all), nil
}

// files returns the names of the files; - for standard input.
func (s Cmd) files() []string {
	if len(s.Files) == 0 {
		return []string{"-"}
	}
	return s.Files
}

// readFile reads and checks the events of one file.
func readFile(ctx context.Context, a *app.App, name string, check func(events.Event) error) ([]events.Event, error) {
	var input []byte
	var err error
	if name == "-" {
		input, err = a.Input(ctx)
	} else {
		input, err = bounded.ReadFile(name, bounded.DataFile)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, app.Usage(fmt.Errorf("read the events: %w", err))
	}
	return Read(input, "sent", check)
}

func (s Cmd) print(a *app.App, done summary) error {
	if s.Data() {
		return s.Write(a, done)
	}
	text := "sent " + output.Count(done.Sent, "event")
	if s.DryRun {
		text = output.Count(done.Sent, "event") + " can be sent; nothing was sent"
	}
	if done.New != nil && done.Known != nil {
		text += fmt.Sprintf(": %d new, %d known already", *done.New, *done.Known)
	}
	_, err := fmt.Fprintln(a.Stdout, text)
	return err
}

// overNATS publishes the events one after the other.
func overNATS(ctx context.Context, a *app.App, c config.Config, list []events.Event, p *output.Progress) (summary, error) {
	set, end, err := a.ConnectTo(ctx, c)
	if err != nil {
		return summary{}, err
	}
	defer end()
	fresh, known := 0, 0
	done := summary{New: &fresh, Known: &known}
	for i, e := range list {
		isNew, err := set.Events.Send(ctx, e)
		if err != nil {
			return done, fmt.Errorf("event %d: %w", i+1, app.Advise(err))
		}
		if isNew {
			fresh++
		} else {
			known++
		}
		done.Sent++
		p.Of(done.Sent, len(list))
	}
	return done, nil
}
