package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// The states of a dead letter.
const (
	DeadWaiting     = "waiting"
	DeadReplaying   = "replaying"   // sent back, without an outcome yet
	DeadQuarantined = "quarantined" // sent back worker.max_replays times
)

// DeadState returns the state of a dead letter.
func (d *Desk) DeadState(letter bus.DeadLetter) string {
	switch {
	case letter.Replaying > 0:
		return DeadReplaying
	case letter.Replay >= d.Config.Worker.MaxReplays:
		return DeadQuarantined
	default:
		return DeadWaiting
	}
}

// DeadLetters returns the matching dead letters in order of the last attempt, oldest first.
func (d *Desk) DeadLetters(ctx context.Context, fits func(bus.DeadLetter) bool) ([]bus.DeadLetter, error) {
	var list []bus.DeadLetter
	err := d.Bus.DeadLetters(ctx, func(letter bus.DeadLetter) bool {
		if fits(letter) {
			list = append(list, letter)
		}
		return true
	})
	slices.SortStableFunc(list, func(a, b bus.DeadLetter) int { return a.LastTry.Compare(b.LastTry) })
	return list, err
}

// Find returns the dead letter of each of ids: an ID, or the start of an ID or of the key of an
// event. Returns an error that lists every id of no dead letter, and of several.
func (d *Desk) Find(ctx context.Context, ids []string) ([]bus.DeadLetter, error) {
	list, err := d.DeadLetters(ctx, func(bus.DeadLetter) bool { return true })
	if err != nil {
		return nil, err
	}
	return named(list, ids)
}

// ErrNotOne is returned for an id of no dead letter, or of several.
var ErrNotOne = errors.New("nothing was done")

// named returns the dead letters of a list with these ids; see Find.
func named(list []bus.DeadLetter, ids []string) ([]bus.DeadLetter, error) {
	var found []bus.DeadLetter
	var faults []string
	taken := map[string]bool{}
	for _, id := range ids {
		var those []bus.DeadLetter
		for _, l := range list {
			if strings.HasPrefix(l.ID(), id) && strings.Contains(id, ".") || strings.HasPrefix(l.Key, id) {
				those = append(those, l)
			}
		}
		switch {
		case id == "" || len(those) == 0:
			faults = append(faults, fmt.Sprintf("%q names no dead letter: see usher dead list", id))
		case len(those) > 1:
			faults = append(faults, ambiguous(id, those))
		case !taken[those[0].ID()]:
			taken[those[0].ID()] = true
			found = append(found, those[0])
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotOne, strings.Join(faults, "; "))
	}
	return found, nil
}

// ambiguous returns the fault of an id of several dead letters.
func ambiguous(id string, those []bus.DeadLetter) string {
	var all []string
	for _, l := range those[:min(len(those), 5)] {
		all = append(all, l.ID())
	}
	if more := len(those) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%q names %d dead letters (%s): give more of the ID", id, len(those), strings.Join(all, ", "))
}

// Refusal returns the reason against a replay of a dead letter: a replay is in flight for less
// than again, or the dead letter is quarantined and forced is not set. Returns nil if there is no
// reason.
func (d *Desk) Refusal(letter bus.DeadLetter, again time.Duration, forced bool) error {
	switch {
	case letter.Replaying > 0 && time.Since(letter.ReplayedAt) < again:
		return fmt.Errorf("%s is %w since %s: wait for what comes of it, or send it again with --again 0s",
			letter.ID(), ErrOnItsWay, letter.ReplayedAt.UTC().Format(time.RFC3339))
	case letter.Replay >= d.Config.Worker.MaxReplays && !forced:
		return fmt.Errorf("%s is quarantined: it was sent back %d times and failed each time (%s); mend the cause, and send it with --quarantined",
			letter.ID(), letter.Replay, letter.Message)
	default:
		return nil
	}
}

// ErrOnItsWay is the Refusal of a dead letter with a replay in flight.
var ErrOnItsWay = errors.New("on its way")

// Replay records the action in the audit log, and sends a dead letter back to its vendor. A
// delivery becomes an event for all vendors instead. Returns bus.ErrMoved if the dead letter has
// changed, and ErrAtFault if the delivery still cannot become an event.
func (d *Desk) Replay(ctx context.Context, letter bus.DeadLetter, by Deed) error {
	act := upon(by.action(bus.DeadReplayed), letter)
	act.Replay = letter.Replay + 1
	if err := d.Bus.Audit(ctx, d.Config.Source, act); err != nil {
		return err
	}
	if letter.Vendor != Deliveries {
		return d.Bus.Replay(ctx, letter)
	}
	e, err := d.made.event(letter)
	switch {
	case errors.Is(err, mapping.ErrIgnored): // the mapping ignores the delivery now
	case err != nil:
		return err
	default:
		if err := d.Bus.Store(ctx, []events.Event{e}); err != nil {
			return err
		}
	}
	return d.Bus.Drop(ctx, letter)
}

// Drop records the action in the audit log, and removes a dead letter for good.
func (d *Desk) Drop(ctx context.Context, letter bus.DeadLetter, by Deed) error {
	if err := d.Bus.Audit(ctx, d.Config.Source, upon(by.action(bus.DeadDropped), letter)); err != nil {
		return err
	}
	return d.Bus.Drop(ctx, letter)
}

// upon returns the record of an action on one dead letter.
func upon(act bus.Action, l bus.DeadLetter) bus.Action {
	act.Vendor, act.Type, act.Key, act.EventID = l.Vendor, l.Type, l.Key, l.EventID
	return act
}
