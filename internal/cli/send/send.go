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
)

// Cmd is usher send.
type Cmd struct {
	File  string `arg:"" optional:"" default:"-" help:"The file; - is standard input, as is no file."`
	Via   string `enum:"nats,http" default:"nats" help:"How the events go: nats, or http to POST /events."`
	URL   string `name:"url" help:"With --via http: where usher serve listens, instead of http.addr." placeholder:"URL"`
	Token string `help:"With --via http: the bearer token, instead of the first of USHER_HTTP_TOKENS." placeholder:"TOKEN"`
	JSON  bool   `help:"Print the summary, or the faults, as a JSON object."`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `The input is one CloudEvent in JSON, a JSON array of them, or one a line. Every event is checked
first, and where one is not valid none is sent: its line, the place in it and the rule are told.
Events are sent in the order of the input, each once NATS has stored the one before. Sending them
again does no harm: an event is known by its source and id.

Examples:
  usher send events.ndjson
  jq -c '.[]' export.json | usher send
  usher send --via http --url https://usher.example.org --token "$TOKEN" event.json`
}

// Validate refuses flags that do not go together.
func (s Cmd) Validate() error {
	if s.Via == "nats" && (s.URL != "" || s.Token != "") {
		return errors.New("--url and --token go with --via http; for NATS set USHER_NATS_URL")
	}
	return nil
}

// summary is what came of a send. By HTTP nobody says what is new.
type summary struct {
	Sent   int     `json:"sent"`
	New    *int    `json:"new,omitempty"`
	Known  *int    `json:"known,omitempty"`
	Faults []fault `json:"faults,omitempty"`
}

// Run reads, checks and sends.
func (s Cmd) Run(ctx context.Context, a *app.App) error {
	c, err := a.Config()
	if err != nil {
		return err
	}
	list, err := s.read(ctx, a)
	if faults, ok := errors.AsType[*faultsError](err); s.JSON && ok {
		return errors.Join(app.ErrSilent, output.JSON(a.Stdout, summary{Faults: faults.faults}))
	}
	if err != nil {
		return err
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
		return s.tell(a.Stdout, done)
	case done.Sent == 0:
		return err
	default:
		return fmt.Errorf("%w; the first %s of %d went through: send the input again, what is stored is known then", err, output.Count(done.Sent, "event"), len(list))
	}
}

// read reads the input and checks it.
func (s Cmd) read(ctx context.Context, a *app.App) ([]events.Event, error) {
	var input []byte
	var err error
	if s.File == "-" {
		input, err = a.Input(ctx)
	} else {
		input, err = os.ReadFile(s.File)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, app.Usage(fmt.Errorf("read the events: %w", err))
	}
	check, err := validator()
	if err != nil {
		return nil, err
	}
	return readEvents(input, check)
}

func (s Cmd) tell(w io.Writer, done summary) error {
	if s.JSON {
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
func overNATS(ctx context.Context, a *app.App, c config.Config, list []events.Event, p output.Progress) (summary, error) {
	b, end, err := a.ConnectTo(ctx, c)
	if err != nil {
		return summary{}, err
	}
	defer end()
	fresh, known := 0, 0
	done := summary{New: &fresh, Known: &known}
	for i, e := range list {
		taken, err := b.Send(ctx, e)
		if err != nil {
			return done, fmt.Errorf("event %d: %w", i+1, app.Advise(err))
		}
		if taken {
			fresh++
		} else {
			known++
		}
		done.Sent++
		p.Of(done.Sent, len(list))
	}
	return done, nil
}
