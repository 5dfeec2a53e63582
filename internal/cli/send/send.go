// Package send holds the command usher send.
package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/schemas"
)

// Cmd is usher send.
type Cmd struct {
	File       string `arg:"" optional:"" default:"-" help:"The file; - and no file are standard input."`
	Via        string `enum:"nats,http" default:"nats" help:"The way: nats, or http to POST /events."`
	URL        string `name:"url" help:"With --via http: the address of usher serve; http.addr by default." placeholder:"URL"`
	Token      string `help:"With --via http: the bearer token; the first of USHER_HTTP_TOKENS by default." placeholder:"TOKEN"`
	TokenFile  string `help:"With --via http: the path of a file with the bearer token, which no list of processes shows." placeholder:"PATH"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `The input is one CloudEvent in JSON, a JSON array of events, or one event per line. If one event is
not valid, none is sent; the faults are listed with line, place and rule.
Events are sent in the order of the input, each after NATS has stored the previous one. To send events
again is safe: usher identifies an event by its source and id.

Examples:
  usher send events.ndjson
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
		return s.print(a.Stdout, done)
	case done.Sent == 0:
		return err
	default:
		return fmt.Errorf("%w; sent the first %s of %d: send the input again, stored events are not duplicated", err, output.Count(done.Sent, "event"), len(list))
	}
}

// read reads and checks the input, and returns the events and the warnings about events.
func (s Cmd) read(ctx context.Context, a *app.App) ([]events.Event, []warning, error) {
	var input []byte
	var err error
	if s.File == "-" {
		input, err = a.Input(ctx)
	} else {
		input, err = os.ReadFile(s.File)
	}
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil:
		return nil, nil, app.Usage(fmt.Errorf("read the events: %w", err))
	}
	set, err := schemas.New()
	if err != nil {
		return nil, nil, err
	}
	list, err := Read(input, "sent", func(e events.Event) error {
		if events.IsWebhookSource(e.Source()) {
			return &events.InvalidError{Pointer: "/source", Rule: "not-allowed", Detail: "sources below /webhooks/ belong to signed deliveries: choose another source"}
		}
		return set.Validate(e)
	})
	if err != nil {
		return nil, nil, err
	}
	return list, warningsOf(set, list), nil
}

func (s Cmd) print(w io.Writer, done summary) error {
	if s.Data() {
		return output.JSON(w, done)
	}
	text := "sent " + output.Count(done.Sent, "event")
	if done.New != nil && done.Known != nil {
		text += fmt.Sprintf(": %d new, %d known already", *done.New, *done.Known)
	}
	_, err := fmt.Fprintln(w, text)
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
