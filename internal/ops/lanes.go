package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/bus"
)

// The lanes of a vendor (docs/design.md, rule 4.3).
const (
	LifecycleLane = "lifecycle"
	ActivityLane  = "activity"
	ReplayLane    = "replay"
)

// LaneName is the name of a lane's durable consumer.
func LaneName(vendor, lane string) string { return "usher-" + vendor + "-" + lane }

// Forever is how long a pause without an end lasts: more is more than the server
// can count in.
const Forever = 100 * 365 * 24 * time.Hour

// ErrNoLanes is returned for a vendor that nobody has served yet.
var ErrNoLanes = errors.New("has no consumers on this NATS: usher serve makes them, once the vendor is on")

// Lane is where the consumer of one of a vendor's lanes is.
type Lane struct {
	Name, Stream, Consumer string
}

// Lanes are those that a vendor may have; events is the stream of events. Not every
// vendor has all.
func Lanes(vendor, events string) []Lane {
	return []Lane{
		{LifecycleLane, events, LaneName(vendor, LifecycleLane)},
		{ActivityLane, events, LaneName(vendor, ActivityLane)},
		{ReplayLane, bus.ReplaysStream, LaneName(vendor, ReplayLane)},
	}
}

// lane is one lane of a vendor, as the server has it.
type lane struct {
	Lane
	at bus.LaneState
}

// lanes returns the lanes of a vendor that are there.
func (d *Desk) lanes(ctx context.Context, vendor string) ([]lane, error) {
	var found []lane
	for _, l := range Lanes(vendor, cmp.Or(d.Config.NATS.EventsStream, bus.EventsStream)) {
		at, err := d.Bus.State(ctx, l.Stream, l.Consumer)
		switch {
		case err == nil:
			found = append(found, lane{l, at})
		case !errors.Is(err, bus.ErrNoConsumer):
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s %w", vendor, ErrNoLanes)
	}
	return found, nil
}

// LaneState is what became of a lane.
type LaneState struct {
	Lane   string     `json:"lane"`
	Paused bool       `json:"paused"`
	Until  *time.Time `json:"until,omitempty"` // where the pause has an end
}

// String says it in words.
func (s LaneState) String() string {
	switch {
	case !s.Paused:
		return "open"
	case s.Until == nil:
		return "paused until usher resume"
	default:
		return "paused until " + s.Until.UTC().Format(time.RFC3339)
	}
}

// Pause keeps every process from taking further events for a vendor: for as long
// as span, or until it is resumed where that is zero.
func (d *Desk) Pause(ctx context.Context, vendor string, span time.Duration, by Deed) ([]LaneState, error) {
	until := time.Now().Add(Forever)
	act := by.action(bus.VendorPaused)
	if span > 0 {
		until = time.Now().Add(span)
		act.Until = until.UTC().Truncate(time.Second)
	}
	return d.halt(ctx, vendor, act, func(l lane) error { return d.Bus.Pause(ctx, l.Stream, l.Consumer, until) })
}

// Resume ends a pause. A vendor that is not paused stays as it is.
func (d *Desk) Resume(ctx context.Context, vendor string, by Deed) ([]LaneState, error) {
	return d.halt(ctx, vendor, by.action(bus.VendorResumed), func(l lane) error { return d.Bus.Resume(ctx, l.Stream, l.Consumer) })
}

// halt writes an action down, does it to every lane of a vendor, and returns what
// the server says of them then.
func (d *Desk) halt(ctx context.Context, vendor string, act bus.Action, do func(lane) error) ([]LaneState, error) {
	lanes, err := d.lanes(ctx, vendor)
	if err != nil {
		return nil, err
	}
	act.Vendor = vendor
	if err := d.Bus.Audit(ctx, d.Config.Source, act); err != nil {
		return nil, err
	}
	var states []LaneState
	for _, l := range lanes {
		if err := do(l); err != nil {
			return nil, err
		}
		at, err := d.Bus.State(ctx, l.Stream, l.Consumer)
		if err != nil {
			return nil, err
		}
		states = append(states, stateOf(l.Name, at))
	}
	return states, nil
}

func stateOf(name string, at bus.LaneState) LaneState {
	s := LaneState{Lane: name, Paused: !at.PausedTo.IsZero()}
	if s.Paused && time.Until(at.PausedTo) < Forever/2 {
		s.Until = &at.PausedTo
	}
	return s
}
