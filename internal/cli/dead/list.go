package dead

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/ops"
)

// filter says which dead letters are meant.
type filter struct {
	Vendor    app.PlaceFlag `help:"Of this vendor only; webhooks: deliveries that could not become events." placeholder:"NAME"`
	Type      string        `help:"Of events of this type only." placeholder:"TYPE"`
	Class     string        `help:"Of this class only: invalid, permanent, prerequisite, exhausted, panic, dropped or conflict." placeholder:"CLASS"`
	OlderThan time.Duration `help:"Last tried longer ago than this only, such as 1h." placeholder:"DURATION"`
	NewerThan time.Duration `help:"Last tried less long ago than this only, such as 24h." placeholder:"DURATION"`
}

// Validate refuses what no dead letter can be.
func (f filter) Validate() error {
	var faults []error
	if f.OlderThan < 0 || f.NewerThan < 0 {
		faults = append(faults, errors.New("neither --older-than nor --newer-than can be negative"))
	}
	if f.Class != "" && !slices.Contains(mailbox.Classes(), f.Class) {
		faults = append(faults, fmt.Errorf("there is no class %s: want one of %s", f.Class, strings.Join(mailbox.Classes(), ", ")))
	}
	// The type of a delivery is its sender's name.
	if f.Type != "" && f.Vendor != ops.Deliveries && !slices.Contains(events.Types(), f.Type) {
		faults = append(faults, fmt.Errorf("there is no type %s: want one of %s; or a sender, with --vendor %s",
			f.Type, strings.Join(events.Types(), ", "), ops.Deliveries))
	}
	return errors.Join(faults...)
}

func (f filter) fits(d bus.DeadLetter) bool {
	age := time.Since(d.LastTry)
	return (f.Vendor == "" || string(f.Vendor) == d.Vendor) &&
		(f.Type == "" || f.Type == d.Type) &&
		(f.Class == "" || f.Class == d.Class) &&
		(f.OlderThan == 0 || age > f.OlderThan) &&
		(f.NewerThan == 0 || age < f.NewerThan)
}

type listCmd struct {
	filter `embed:""`
	JSON   bool `help:"Print a JSON array, without the events themselves."`
}

// Help is shown below the flags.
func (listCmd) Help() string {
	return `The state is replaying while one that was sent back is on its way, and quarantined where it was
sent back worker.max_replays times and failed each time. On a terminal the classes are counted at
the end. Elsewhere the values of a line stand between tabs: ID, type, event id, class, status,
attempts, last try, state, message.

Examples:
  usher dead list --vendor lead --class permanent
  usher dead list --older-than 1h --newer-than 24h
  usher dead list --json | jq -r '.[].id'`
}

// summary is a dead letter without the event itself, which holds personal
// data: its members of the same names stand before those of DeadLetter.
type summary struct {
	ID    string `json:"id"`
	State string `json:"state"`
	bus.DeadLetter
	Header  *struct{} `json:"header,omitempty"`
	Payload *struct{} `json:"payload,omitempty"`
}

// Run prints the list.
func (l listCmd) Run(ctx context.Context, a *app.App) error {
	d, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	list, err := d.DeadLetters(ctx, l.fits)
	if err != nil {
		return app.Advise(err)
	}
	if l.JSON {
		out := make([]summary, len(list))
		for i, letter := range list {
			out[i] = summary{ID: letter.ID(), State: d.DeadState(letter), DeadLetter: letter}
		}
		return output.JSON(a.Stdout, out)
	}
	var rows [][]string
	for _, l := range list {
		rows = append(rows, []string{
			l.ID(), l.Type, l.EventID, l.Class, status(l.Status), strconv.Itoa(l.Attempts),
			l.LastTry.UTC().Format(time.RFC3339), d.DeadState(l), l.Message,
		})
	}
	err = output.Rows(a.Stdout, []string{"ID", "type", "event", "class", "status", "attempts", "last try", "state", "message"}, rows)
	if err == nil && output.IsTerminal(a.Stdout) {
		_, err = fmt.Fprintln(a.Stdout, tally(list))
	}
	return err
}

// tally counts dead letters by class, the most frequent first.
func tally(list []bus.DeadLetter) string {
	classes := map[string]int{}
	for _, d := range list {
		classes[d.Class]++
	}
	said := output.Count(len(list), "dead letter")
	if len(list) == 0 {
		return said
	}
	names := slices.Sorted(maps.Keys(classes))
	slices.SortStableFunc(names, func(a, b string) int { return classes[b] - classes[a] })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", classes[name], output.Plain(name, ""))
	}
	return said + ": " + strings.Join(names, ", ")
}

// status is an HTTP status as it is shown, and nothing where none came.
func status(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}
