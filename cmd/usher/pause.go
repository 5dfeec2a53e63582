package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/bus"
)

// The lanes of a vendor; see engine.lanes.
const (
	lifecycleLane = "lifecycle"
	activityLane  = "activity"
	replayLane    = "replay"
)

// laneName is the name of a lane's durable consumer.
func laneName(vendor, lane string) string { return "usher-" + vendor + "-" + lane }

// forever is how long a pause without an end lasts: more is more than the server
// can count in.
const forever = 100 * 365 * 24 * time.Hour

type pauseCmd struct {
	Vendor vendorFlag    `arg:"" help:"Name of the vendor."`
	For    time.Duration `help:"Go on by itself after so long; else when usher resume says so." placeholder:"DURATION"`
	deed   `embed:""`
	JSON   bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (pauseCmd) Help() string {
	return `No worker takes further events for the vendor; other vendors go on. What the workers hold
already is carried out. Nothing is lost: events wait in their stream, for nats.events_max_age.
A pause holds when usher or NATS is started anew. A second one takes the place of the first.

Examples:
  usher pause lead --for 1h --reason "LEAD's maintenance"
  usher pause lead`
}

// Validate refuses a pause that would not be one.
func (p pauseCmd) Validate() error {
	if p.For < 0 || p.For > forever {
		return errors.New("--for must be a time to come, such as 1h")
	}
	return errors.Join(required(p.Vendor), p.deed.Validate())
}

// Run pauses the vendor's consumers.
func (p pauseCmd) Run(ctx context.Context, a *app) error {
	until := time.Now().Add(forever)
	act := a.action(bus.VendorPaused, p.deed)
	if p.For > 0 {
		until = time.Now().Add(p.For)
		act.Until = until.UTC().Truncate(time.Second)
	}
	return a.halt(ctx, string(p.Vendor), p.JSON, act, func(b *bus.Bus, l lanePlace) error {
		return b.Pause(ctx, l.stream, l.consumer, until)
	})
}

type resumeCmd struct {
	Vendor vendorFlag `arg:"" help:"Name of the vendor."`
	deed   `embed:""`
	JSON   bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (resumeCmd) Help() string {
	return `Ends a pause at once. A vendor that is not paused stays as it is.

Example:
  usher resume lead --reason "maintenance is over"`
}

// Validate refuses a vendor that is none.
func (r resumeCmd) Validate() error { return errors.Join(required(r.Vendor), r.deed.Validate()) }

// Run resumes the vendor's consumers.
func (r resumeCmd) Run(ctx context.Context, a *app) error {
	return a.halt(ctx, string(r.Vendor), r.JSON, a.action(bus.VendorResumed, r.deed), func(b *bus.Bus, l lanePlace) error {
		return b.Resume(ctx, l.stream, l.consumer)
	})
}

// required refuses an empty name.
func required(f vendorFlag) error {
	if f == "" {
		return errors.New("which vendor?")
	}
	return f.Validate()
}

// lanePlace is where the consumer of one lane is.
type lanePlace struct {
	lane, stream, consumer string
	at                     bus.LaneState // as it was found
}

// laneState is what became of a lane.
type laneState struct {
	Lane   string     `json:"lane"`
	Paused bool       `json:"paused"`
	Until  *time.Time `json:"until,omitempty"` // where the pause has an end
}

// halt writes an action down, does it to every lane of a vendor, and tells what
// the server says of them then.
func (a *app) halt(ctx context.Context, vendor string, asJSON bool, act bus.Action, do func(*bus.Bus, lanePlace) error) error {
	c, b, end, err := a.reach(ctx)
	if err != nil {
		return err
	}
	defer end()
	lanes, err := lanesOf(ctx, b, vendor, layout(c.NATS).Events)
	if err != nil {
		return err
	}
	act.Vendor = vendor
	if err := b.Audit(ctx, c.Source, act); err != nil {
		return missing(err)
	}
	var states []laneState
	for _, l := range lanes {
		if err := do(b, l); err != nil {
			return err
		}
		state, err := l.state(ctx, b)
		if err != nil {
			return err
		}
		states = append(states, state)
	}
	return a.tellLanes(vendor, states, asJSON)
}

// errNoLanes is returned for a vendor that nobody has served yet.
var errNoLanes = errors.New("has no consumers on this NATS: usher serve makes them, once the vendor is on")

// lanesOf returns the lanes of a vendor that are there. Not every vendor has all.
func lanesOf(ctx context.Context, b *bus.Bus, vendor, events string) ([]lanePlace, error) {
	var found []lanePlace
	for _, l := range []lanePlace{
		{lane: lifecycleLane, stream: events},
		{lane: activityLane, stream: events},
		{lane: replayLane, stream: bus.ReplaysStream},
	} {
		l.consumer = laneName(vendor, l.lane)
		at, err := b.State(ctx, l.stream, l.consumer)
		switch {
		case err == nil:
			l.at = at
			found = append(found, l)
		case !errors.Is(err, bus.ErrNoConsumer):
			return nil, missing(err)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s %w", vendor, errNoLanes)
	}
	return found, nil
}

func (l lanePlace) state(ctx context.Context, b *bus.Bus) (laneState, error) {
	at, err := b.State(ctx, l.stream, l.consumer)
	s := laneState{Lane: l.lane, Paused: !at.PausedTo.IsZero()}
	if s.Paused && time.Until(at.PausedTo) < forever/2 {
		s.Until = &at.PausedTo
	}
	return s, err
}

func (s laneState) String() string {
	switch {
	case !s.Paused:
		return "open"
	case s.Until == nil:
		return "paused until usher resume"
	default:
		return "paused until " + s.Until.UTC().Format(time.RFC3339)
	}
}

func (a *app) tellLanes(vendor string, states []laneState, asJSON bool) error {
	if asJSON {
		return writeJSON(a.Stdout, struct {
			Vendor string      `json:"vendor"`
			Lanes  []laneState `json:"lanes"`
		}{vendor, states})
	}
	var rows [][]string
	for _, s := range states {
		rows = append(rows, []string{vendor, s.Lane, s.String()})
	}
	return a.print([]string{"vendor", "lane", "state"}, rows)
}
