// Package demo holds the command usher demo.
package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/send"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// Cmd is usher demo.
type Cmd struct {
	Events int     `help:"Number of events of the term, without duplicates; ${default} by default." default:"300" placeholder:"N"`
	Seed   uint64  `help:"Seed of the term: the same seed plays the same term; ${default} by default." default:"1" placeholder:"S"`
	Faults float64 `help:"Share of vendor calls that fail: refused, lost before or after their effect, rate limited; ${default} by default." default:"0.1" placeholder:"P"`
	Pace   float64 `help:"Events published per second, to watch them; 0, the default: all at once." default:"0" placeholder:"N"`
	Exit   bool    `help:"End after the term, instead of running on."`
	JSON   bool    `help:"Print the outcome as one JSON object, the last line on standard output." name:"json"`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `One process runs an embedded NATS server, stand-ins for five vendors, and Usher. A school's
term is published: pupils join, enrol, learn and leave, with duplicates and events out of order,
while the vendors fail at random. At the end, the demo compares the data of the stand-ins with the events.
Effects that failed for good are dead letters: they wait for a person, and are no loss. Exit code 1 if an
effect was lost, done twice, or left unfinished.

Examples:
  usher demo
  usher demo --events 2000 --faults 0.3
  usher demo --pace 5
  usher demo --events 500 --seed 7 --exit --json`
}

// The demo gives up after resultTimeout without a new result, and longer by backlogTimeout for each
// missing result.
const (
	resultTimeout  = 50 * time.Second
	backlogTimeout = 20 * time.Millisecond
)

// timeout returns the time without a new result after which the demo gives up.
func timeout(missing int) time.Duration {
	return resultTimeout + time.Duration(max(missing, 0))*backlogTimeout
}

// Validate returns an error for values out of range.
func (d Cmd) Validate() error {
	if d.Events < 1 || d.Faults < 0 || d.Faults > 0.9 {
		return fmt.Errorf("--events must be at least 1, and --faults from 0 to 0.9")
	}
	if !(d.Pace >= 0) || math.IsInf(d.Pace, 0) {
		return fmt.Errorf("--pace must be a number of events per second, such as 5; 0: all at once")
	}
	return nil
}

// Run plays the demo.
func (d Cmd) Run(ctx context.Context, a *app.App) error {
	env, err := d.start(ctx, a)
	if err != nil {
		return err
	}
	defer env.close()
	outcome, err := env.play(ctx)
	if err != nil {
		return err
	}
	env.show.outcome(outcome)
	if d.JSON {
		if err := json.NewEncoder(a.Stdout).Encode(outcome); err != nil {
			return err
		}
	}
	if !d.Exit && ctx.Err() == nil {
		env.show.printNextSteps(env)
		<-ctx.Done()
	}
	if !outcome.clean() {
		return app.ErrSilent
	}
	return nil
}

// play publishes the term, lets usher work until all results are published, and compares the
// data of the stand-ins with the term.
func (s *environment) play(ctx context.Context) (*outcome, error) {
	begun := time.Now()
	expected, err := s.term.Effects(s.catalog, &s.config)
	if err != nil {
		return nil, err
	}
	if err := admin.New(s.streams.Client, engine.Layout(s.config)).Ensure(ctx); err != nil {
		return nil, err
	}
	s.show.begin(s, expected)
	working, stop := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- s.server.Engine().Run(working) }()
	s.ends = append(s.ends, func() { stop(); s.show.fault(<-worked) })
	if err := s.publish(ctx); err != nil {
		return nil, err
	}
	results, err := s.await(ctx, expected)
	if err != nil {
		return nil, err
	}
	s.show.end()
	return s.outcome(expected, results, time.Since(begun)), nil
}

// publish publishes the scenario at the pace, every other event over HTTP.
func (s *environment) publish(ctx context.Context) error {
	limit := rate.NewLimiter(rate.Inf, 1)
	if s.Pace > 0 {
		limit.SetLimit(rate.Limit(s.Pace))
	}
	for i, p := range s.term.Published {
		if err := limit.Wait(ctx); err != nil {
			return app.Interrupted(ctx, err)
		}
		if i%2 == 0 && !p.Repeat {
			body, n, err := send.NextBatch([]events.Event{p.Event})
			if err == nil {
				err = s.poster.Post(ctx, body, n)
			}
			if err != nil {
				return fmt.Errorf("post the scenario: %w", err)
			}
			continue
		}
		m, err := p.Message()
		if err != nil {
			return err
		}
		if _, err := s.streams.Client.JetStream.PublishMsg(ctx, m); err != nil {
			return fmt.Errorf("publish the scenario: %w", err)
		}
	}
	return nil
}

// await reads the results until every expected result has arrived, or none for the timeout.
func (s *environment) await(ctx context.Context, expected map[Effect]bool) (map[Effect]events.Result, error) {
	results := map[Effect]events.Result{}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	missing := len(expected)
	late := time.AfterFunc(timeout(missing), stop)
	defer late.Stop()
	for r, err := range s.streams.Results.List(reading, streams.ResultsQuery{Follow: true}) {
		switch {
		case reading.Err() != nil:
			return results, ctx.Err()
		case err != nil:
			return nil, err
		}
		id := Effect{r.Data.Vendor, r.Event.ID()}
		if _, known := results[id]; !known && expected[id] {
			missing--
		}
		results[id] = r.Data
		if missing <= 0 {
			break
		}
		late.Reset(timeout(missing))
	}
	return results, ctx.Err()
}
