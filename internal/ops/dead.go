package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// The states of a dead letter.
const (
	DeadWaiting     = "waiting"
	DeadReplaying   = "replaying"   // sent back, without an outcome yet
	DeadQuarantined = "quarantined" // sent back worker.max_replays times
)

// DeadState returns the state of a dead letter.
func (s *Service) DeadState(letter streams.DeadLetter) string {
	switch {
	case letter.Replaying > 0:
		return DeadReplaying
	case letter.Replay >= s.Config.Worker.MaxReplays:
		return DeadQuarantined
	default:
		return DeadWaiting
	}
}

// DeadLetters returns the dead letters accepted by fits, sorted by the time of the last try.
func (s *Service) DeadLetters(ctx context.Context, fits func(streams.DeadLetter) bool) ([]streams.DeadLetter, error) {
	var list []streams.DeadLetter
	for letter, err := range s.Streams.DeadLetters.List(ctx) {
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

// Find returns one dead letter for each of ids. Each id is an ID or the key of an event, whole or
// its first part. Returns ErrNotOne, with every such id, if an id names no dead letter or several.
func (s *Service) Find(ctx context.Context, ids []string) ([]streams.DeadLetter, error) {
	list, err := s.DeadLetters(ctx, func(streams.DeadLetter) bool { return true })
	if err != nil {
		return nil, err
	}
	return findByID(list, ids)
}

// ErrNotOne is returned for an id of no dead letter, or of several.
var ErrNotOne = errors.New("nothing was done")

// findByID is Find in a list of dead letters.
func findByID(list []streams.DeadLetter, ids []string) ([]streams.DeadLetter, error) {
	var found []streams.DeadLetter
	var faults []string
	taken := map[string]bool{}
	for _, id := range ids {
		var matches []streams.DeadLetter
		for _, l := range list {
			if strings.HasPrefix(l.ID(), id) && strings.Contains(id, ".") || strings.HasPrefix(l.Key, id) {
				matches = append(matches, l)
			}
		}
		switch {
		case id == "" || len(matches) == 0:
			faults = append(faults, fmt.Sprintf("%q names no dead letter: see usher dead list", id))
		case len(matches) > 1:
			faults = append(faults, ambiguous(id, matches))
		case !taken[matches[0].ID()]:
			taken[matches[0].ID()] = true
			found = append(found, matches[0])
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotOne, strings.Join(faults, "; "))
	}
	return found, nil
}

// ambiguous returns the text for an id of several dead letters, with the first five.
func ambiguous(id string, matches []streams.DeadLetter) string {
	var all []string
	for _, l := range matches[:min(len(matches), 5)] {
		all = append(all, l.ID())
	}
	if more := len(matches) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%q names %d dead letters (%s): give more of the ID", id, len(matches), strings.Join(all, ", "))
}

// Refusal returns the reason against a replay of a dead letter: a replay in flight, younger than
// again, or a quarantine, unless forced. Returns nil if there is none.
func (s *Service) Refusal(letter streams.DeadLetter, again time.Duration, forced bool) error {
	switch {
	case letter.Replaying > 0 && time.Since(letter.ReplayedAt) < again:
		return fmt.Errorf("%s is %w since %s: wait for what comes of it, or send it again with --again 0s",
			letter.ID(), ErrOnItsWay, letter.ReplayedAt.UTC().Format(time.RFC3339))
	case letter.Replay >= s.Config.Worker.MaxReplays && !forced:
		return fmt.Errorf("%s is quarantined: it was sent back %d times and failed each time (%s); mend the cause, and send it with --quarantined",
			letter.ID(), letter.Replay, letter.Message)
	default:
		return nil
	}
}

// ErrOnItsWay is returned by Refusal for a dead letter with a replay in flight.
var ErrOnItsWay = errors.New("on its way")

// Replay records the action in the audit log, and sends a dead letter back to the vendor. A
// delivery is mapped to an event now, for all vendors, and an event at fault goes to all vendors. Returns streams.ErrStaleRevision if the dead
// letter has changed since the read, and ErrAtFault if the delivery still cannot become an event.
func (s *Service) Replay(ctx context.Context, letter streams.DeadLetter, by Actor) error {
	act := onLetter(by.action(streams.DeadReplayed), letter)
	act.Replay = letter.Replay + 1
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
		return err
	}
	if letter.OfEvent() {
		return s.replayEvent(ctx, letter)
	}
	if letter.Vendor != Deliveries {
		return s.Streams.DeadLetters.Replay(ctx, letter)
	}
	list, err := s.mapper.events(letter)
	if err == nil && len(list) > 0 { // none: the mapping ignores the delivery now
		err = s.Streams.Events.Store(ctx, list)
	}
	if err != nil {
		return err
	}
	return s.Streams.DeadLetters.Remove(ctx, letter)
}

// Drop records the action in the audit log, and removes a dead letter for good.
func (s *Service) Drop(ctx context.Context, letter streams.DeadLetter, by Actor) error {
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, onLetter(by.action(streams.DeadDropped), letter)); err != nil {
		return err
	}
	return s.Streams.DeadLetters.Remove(ctx, letter)
}

// onLetter returns an action on one dead letter.
func onLetter(act streams.Action, l streams.DeadLetter) streams.Action {
	act.Vendor, act.Type, act.Key, act.EventID = l.Vendor, l.Type, l.Key, l.EventID
	return act
}

// Reveal records that a person sees the personal data of a dead letter. Call Reveal before the data
// are shown.
func (s *Service) Reveal(ctx context.Context, letter streams.DeadLetter, by Actor) error {
	return s.Streams.Audit.Record(ctx, s.Config.Source, onLetter(by.action(streams.DataRevealed), letter))
}
