package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/streams"
)

// The states of a dead letter.
const (
	DeadWaiting     = "waiting"
	DeadReplaying   = "replaying"   // sent back, without an outcome yet
	DeadQuarantined = "quarantined" // sent back worker.max_replays times
)

// DeadState is the state of a dead letter.
func (d *Desk) DeadState(letter streams.DeadLetter) string {
	switch {
	case letter.Replaying > 0:
		return DeadReplaying
	case letter.Replay >= d.Config.Worker.MaxReplays:
		return DeadQuarantined
	default:
		return DeadWaiting
	}
}

// DeadLetters returns the dead letters that fit, the one that was last tried
// longest ago first.
func (d *Desk) DeadLetters(ctx context.Context, fits func(streams.DeadLetter) bool) ([]streams.DeadLetter, error) {
	var list []streams.DeadLetter
	for letter, err := range d.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return list, err
		}
		if fits(letter) {
			list = append(list, letter)
		}
	}
	slices.SortStableFunc(list, func(a, b streams.DeadLetter) int { return a.LastTry.Compare(b.LastTry) })
	return list, nil
}

// Find returns the dead letter that each of ids names: its ID, or the first part
// of it, or of the event's key. It returns an error that tells of every id that
// names none, or more than one.
func (d *Desk) Find(ctx context.Context, ids []string) ([]streams.DeadLetter, error) {
	list, err := d.DeadLetters(ctx, func(streams.DeadLetter) bool { return true })
	if err != nil {
		return nil, err
	}
	return named(list, ids)
}

// ErrNotOne is returned for an id of no dead letter, or of several.
var ErrNotOne = errors.New("nothing was done")

// named is Find among the dead letters of a list.
func named(list []streams.DeadLetter, ids []string) ([]streams.DeadLetter, error) {
	var found []streams.DeadLetter
	var faults []string
	taken := map[string]bool{}
	for _, id := range ids {
		var those []streams.DeadLetter
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

// ambiguous says that id names several, and which.
func ambiguous(id string, those []streams.DeadLetter) string {
	var all []string
	for _, l := range those[:min(len(those), 5)] {
		all = append(all, l.ID())
	}
	if more := len(those) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%q names %d dead letters (%s): give more of the ID", id, len(those), strings.Join(all, ", "))
}

// Refusal says why a dead letter is not sent back, or nil where it may be: it is
// on its way since less long than again, or it is quarantined and not forced.
func (d *Desk) Refusal(letter streams.DeadLetter, again time.Duration, forced bool) error {
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

// Replay writes down who does it, and sends a dead letter on its way again: to
// its vendor, or, where it is a delivery, as the event that it becomes now to all
// of them. Where the dead letter is no longer as it was read, the error is
// streams.ErrConflict; where its delivery still cannot become an event, ErrAtFault.
func (d *Desk) Replay(ctx context.Context, letter streams.DeadLetter, by Deed) error {
	act := upon(by.action(streams.DeadReplayed), letter)
	act.Replay = letter.Replay + 1
	if err := d.Streams.Audit.Record(ctx, d.Config.Source, act); err != nil {
		return err
	}
	if letter.Vendor != Deliveries {
		return d.Streams.DeadLetters.Replay(ctx, letter)
	}
	e, err := d.made.event(letter)
	switch {
	case errors.Is(err, mapping.ErrIgnored): // the mapping ignores the delivery now
	case err != nil:
		return err
	default:
		if err := d.Streams.Events.Store(ctx, []events.Event{e}); err != nil {
			return err
		}
	}
	return d.Streams.DeadLetters.Remove(ctx, letter)
}

// Drop writes down who does it, and removes a dead letter for good.
func (d *Desk) Drop(ctx context.Context, letter streams.DeadLetter, by Deed) error {
	if err := d.Streams.Audit.Record(ctx, d.Config.Source, upon(by.action(streams.DeadDropped), letter)); err != nil {
		return err
	}
	return d.Streams.DeadLetters.Remove(ctx, letter)
}

// upon is an action as it is done to one dead letter.
func upon(act streams.Action, l streams.DeadLetter) streams.Action {
	act.Vendor, act.Type, act.Key, act.EventID = l.Vendor, l.Type, l.Key, l.EventID
	return act
}
