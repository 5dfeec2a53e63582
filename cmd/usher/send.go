package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
)

type sendCmd struct {
	File  string `arg:"" optional:"" default:"-" help:"The file; - is standard input, as is no file."`
	Via   string `enum:"nats,http" default:"nats" help:"How the events go: nats, or http to POST /events."`
	URL   string `name:"url" help:"With --via http: where usher serve listens, instead of http.addr." placeholder:"URL"`
	Token string `help:"With --via http: the bearer token, instead of the first of USHER_HTTP_TOKENS." placeholder:"TOKEN"`
	JSON  bool   `help:"Print the summary, or the faults, as a JSON object."`
}

// Help is shown below the flags.
func (sendCmd) Help() string {
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
func (s sendCmd) Validate() error {
	if s.Via == "nats" && (s.URL != "" || s.Token != "") {
		return errors.New("--url and --token go with --via http; for NATS set USHER_NATS_URL")
	}
	return nil
}

// sendSummary is what came of a send. By HTTP nobody says what is new.
type sendSummary struct {
	Sent   int         `json:"sent"`
	New    *int        `json:"new,omitempty"`
	Known  *int        `json:"known,omitempty"`
	Faults []sendFault `json:"faults,omitempty"`
}

// Run reads, checks and sends.
func (s sendCmd) Run(ctx context.Context, a *app) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	list, err := s.read(ctx, a)
	if faults, ok := errors.AsType[*faultsError](err); s.JSON && ok {
		return errors.Join(silentError{}, writeJSON(a.Stdout, sendSummary{Faults: faults.faults}))
	}
	if err != nil {
		return err
	}
	p := &meter{out: a.Stderr, of: len(list), drawn: terminal(a.Stderr) && len(list) > 100}
	var done sendSummary
	if s.Via == "http" {
		done, err = s.overHTTP(ctx, c.HTTP, list, p)
	} else {
		done, err = overNATS(ctx, a, c, list, p)
	}
	p.end()
	switch err = interrupted(ctx, err); {
	case err == nil:
		return s.tell(a.Stdout, done)
	case done.Sent == 0:
		return err
	default:
		return fmt.Errorf("%w; the first %s of %d went through: send the input again, what is stored is known then", err, count(done.Sent, "event"), len(list))
	}
}

// read reads the input and checks it.
func (s sendCmd) read(ctx context.Context, a *app) ([]events.Event, error) {
	var input []byte
	var err error
	if s.File == "-" {
		input, err = a.input(ctx)
	} else {
		input, err = os.ReadFile(s.File)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, usageError{fmt.Errorf("read the events: %w", err)}
	}
	check, err := validator()
	if err != nil {
		return nil, err
	}
	return readEvents(input, check)
}

func (s sendCmd) tell(w io.Writer, done sendSummary) error {
	if s.JSON {
		return writeJSON(w, done)
	}
	text := "sent " + count(done.Sent, "event")
	if done.New != nil && done.Known != nil {
		text += fmt.Sprintf(": %d new, %d known already", *done.New, *done.Known)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// overNATS publishes the events one after the other.
func overNATS(ctx context.Context, a *app, c config.Config, list []events.Event, p *meter) (sendSummary, error) {
	b, end, err := reach(ctx, a, c)
	if err != nil {
		return sendSummary{}, err
	}
	defer end()
	fresh, known := 0, 0
	done := sendSummary{New: &fresh, Known: &known}
	for i, e := range list {
		taken, err := b.Send(ctx, e)
		if err != nil {
			return done, fmt.Errorf("event %d: %w", i+1, missing(err))
		}
		if taken {
			fresh++
		} else {
			known++
		}
		done.Sent++
		p.at(done.Sent)
	}
	return done, nil
}

// meter tells on a terminal how far many events are.
type meter struct {
	out   io.Writer
	of    int
	drawn bool
}

func (p *meter) at(n int) {
	if p.drawn && (n%50 == 0 || n == p.of) {
		_, _ = fmt.Fprintf(p.out, "\rsending: %d of %d (%d %%)", n, p.of, 100*n/p.of)
	}
}

func (p *meter) end() {
	if p.drawn {
		_, _ = fmt.Fprintln(p.out)
	}
}
