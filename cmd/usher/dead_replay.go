package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/bus"
)

type deadReplayCmd struct {
	IDs        []string `arg:"" optional:"" name:"id" help:"Vendor and event key, or the first part of it."`
	All        bool     `help:"All that fit, oldest first; with --max."`
	Max        int      `help:"With --all: this many at most." placeholder:"N"`
	deadFilter `embed:""`
	JSON       bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (deadReplayCmd) Help() string {
	return `Mend the cause first: the vendor's data, the credentials, the courses in the configuration.
A replay goes to its one vendor, with its first place in the order of events, so what is
newer stays, and what was done already is not done again. What fails again is a dead letter again.

Examples:
  usher dead replay lead.3fa9
  usher dead replay --all --vendor lead --class exhausted --max 100`
}

// Validate refuses a use that does not say what is meant.
func (r deadReplayCmd) Validate() error {
	switch {
	case r.All && len(r.IDs) > 0:
		return errors.New("give IDs or --all, not both")
	case !r.All && len(r.IDs) == 0:
		return errors.New("say what to send back: IDs (see usher dead list), or --all with --max N")
	case r.All && r.Max < 1:
		return errors.New("--all needs --max N, the most that are sent back at once: after a fault that is not mended they all fail again")
	case !r.All && (r.Max != 0 || r.deadFilter != deadFilter{}):
		return errors.New("--max, --vendor, --type and --class go with --all")
	default:
		return nil
	}
}

// Run sends them back.
func (r deadReplayCmd) Run(ctx context.Context, a *app) error {
	g, err := a.graves(ctx)
	if err != nil {
		return err
	}
	defer g.end()
	var list []bus.DeadLetter
	if r.All {
		list, err = g.all(ctx, r.fits)
	} else {
		list, err = g.find(ctx, r.IDs)
	}
	if err != nil {
		return err
	}
	left := 0
	if r.All && len(list) > r.Max {
		list, left = list[:r.Max], len(list)-r.Max
	}
	done, err := each(list, func(d bus.DeadLetter) error { return g.Replay(ctx, d) })
	return errors.Join(a.told(done, toll{verb: "sent back", left: left, json: r.JSON}), missing(err))
}

type deadDropCmd struct {
	IDs    []string `arg:"" name:"id" help:"Vendor and event key, or the first part of it."`
	Reason string   `required:"" help:"Why, for the log." placeholder:"TEXT"`
	JSON   bool     `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (deadDropCmd) Help() string {
	return `The event is then never carried out at that vendor, and cannot be sent back. The reason is
logged on standard error with the ID, in every format of the log.

Examples:
  usher dead drop lead.3fa9 --reason "test user"`
}

// Validate refuses a reason that is none.
func (d deadDropCmd) Validate() error {
	if plain := harmless(d.Reason, ""); len(plain) == 0 || plain != d.Reason {
		return errors.New("--reason must be one line that says why")
	}
	return nil
}

// Run removes them.
func (d deadDropCmd) Run(ctx context.Context, a *app) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	log := a.logger(c.Log)
	g, err := a.graves(ctx)
	if err != nil {
		return err
	}
	defer g.end()
	list, err := g.find(ctx, d.IDs)
	if err != nil {
		return err
	}
	done, err := each(list, func(letter bus.DeadLetter) error {
		if err := g.Drop(ctx, letter); err != nil {
			return err
		}
		log.Warn().Str("dead_letter", letter.ID()).Str("type", letter.Type).Str("event", letter.EventID).
			Str("class", letter.Class).Str("reason", d.Reason).Msg("dead letter dropped")
		return nil
	})
	return errors.Join(a.told(done, toll{verb: "dropped", reason: d.Reason, json: d.JSON}), err)
}

// each does the same to all of list, and returns those it was done to.
func each(list []bus.DeadLetter, do func(bus.DeadLetter) error) ([]bus.DeadLetter, error) {
	for i, d := range list {
		if err := do(d); err != nil {
			return list[:i], fmt.Errorf("%s: %w; those behind it are as they were", d.ID(), err)
		}
	}
	return list, nil
}

// toll is what was done to dead letters, and how it is told.
type toll struct {
	verb   string
	reason string
	left   int // how many more would have fitted
	json   bool
}

// told prints what was done.
func (a *app) told(done []bus.DeadLetter, t toll) error {
	if t.json {
		ids := make([]string, len(done))
		for i, d := range done {
			ids[i] = d.ID()
		}
		return writeJSON(a.Stdout, struct {
			Done   string   `json:"done"`
			IDs    []string `json:"ids"`
			Left   int      `json:"left"`
			Reason string   `json:"reason,omitempty"`
		}{t.verb, ids, t.left, t.reason})
	}
	var rows [][]string
	for _, d := range done {
		rows = append(rows, []string{t.verb, d.ID(), d.Type, d.EventID, t.reason})
	}
	if len(done) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "there is no dead letter that fits")
		return err
	}
	if err := a.print([]string{"", "ID", "type", "event", "reason"}, rows); err != nil || t.left == 0 {
		return err
	}
	_, err := fmt.Fprintf(a.Stderr, "%s left: run it again for more\n", count(t.left, "dead letter"))
	return err
}
