package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
)

// deadCmd is the commands for dead letters.
type deadCmd struct {
	List   deadListCmd   `cmd:"" help:"List the dead letters, oldest first."`
	Show   deadShowCmd   `cmd:"" help:"Show all of one dead letter, with its event."`
	Replay deadReplayCmd `cmd:"" help:"Send dead letters back to their vendors."`
	Drop   deadDropCmd   `cmd:"" help:"Remove dead letters for good."`
}

// Help is shown below the flags.
func (deadCmd) Help() string {
	return `A dead letter is an event that one vendor could not be made to take. Its ID is the vendor
and the event's key; the first digits of the key suffice where they name only one.

Examples:
  usher dead list --vendor lead
  usher dead show lead.3fa9
  usher dead replay lead.3fa9 --dry-run
  usher dead drop lead.3fa9 --reason "test user"`
}

// graves is the dead letters on one bus.
type graves struct {
	*bus.Bus
	config config.Config
	end    func()
	made   *remaker // of deliveries
}

// The states of a dead letter.
const (
	stateWaiting     = "waiting"
	stateReplaying   = "replaying"   // it was sent back, and nothing has come of it yet
	stateQuarantined = "quarantined" // it was sent back so often that once more would hardly help
)

func (g graves) state(d bus.DeadLetter) string {
	switch {
	case d.Replaying > 0:
		return stateReplaying
	case d.Replay >= g.config.Worker.MaxReplays:
		return stateQuarantined
	default:
		return stateWaiting
	}
}

// graves reaches the dead letters.
func (a *app) graves(ctx context.Context) (graves, error) {
	c, b, end, err := a.reach(ctx)
	return graves{Bus: b, config: c, end: end, made: &remaker{config: c}}, err
}

// all returns the dead letters that fit, the one that was last tried longest ago first.
func (g graves) all(ctx context.Context, fits func(bus.DeadLetter) bool) ([]bus.DeadLetter, error) {
	var list []bus.DeadLetter
	err := g.DeadLetters(ctx, func(d bus.DeadLetter) bool {
		if fits(d) {
			list = append(list, d)
		}
		return true
	})
	slices.SortStableFunc(list, func(a, b bus.DeadLetter) int { return a.LastTry.Compare(b.LastTry) })
	return list, missing(err)
}

// find returns the dead letter that each of ids names. It returns an error that
// tells of every id that names none, or more than one.
func (g graves) find(ctx context.Context, ids []string) ([]bus.DeadLetter, error) {
	list, err := g.all(ctx, func(bus.DeadLetter) bool { return true })
	if err != nil {
		return nil, err
	}
	return named(list, ids)
}

// named is find among the dead letters of a list.
func named(list []bus.DeadLetter, ids []string) ([]bus.DeadLetter, error) {
	var found []bus.DeadLetter
	var faults []string
	taken := map[string]bool{}
	for _, id := range ids {
		var those []bus.DeadLetter
		for _, d := range list {
			if strings.HasPrefix(d.ID(), id) && strings.Contains(id, ".") || strings.HasPrefix(d.Key, id) {
				those = append(those, d)
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
		return nil, fmt.Errorf("nothing was done: %s", strings.Join(faults, "; "))
	}
	return found, nil
}

// ambiguous says that id names several, and which.
func ambiguous(id string, those []bus.DeadLetter) string {
	var all []string
	for _, d := range those[:min(len(those), 5)] {
		all = append(all, d.ID())
	}
	if more := len(those) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%q names %d dead letters (%s): give more of the ID", id, len(those), strings.Join(all, ", "))
}
