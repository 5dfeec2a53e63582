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
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// filter selects dead letters.
type filter struct {
	Vendor    app.PlaceFlag `help:"Only of this vendor; events: events at fault, for all vendors; webhooks: deliveries that could not become events." placeholder:"NAME"`
	Type      string        `help:"Only of events of this type." placeholder:"TYPE"`
	Class     string        `help:"Only of this class: invalid, permanent, unreadable, prerequisite, exhausted, panic, dropped, conflict, ambiguous, unadopted, rule, overload, expired or record." placeholder:"CLASS"`
	OlderThan time.Duration `help:"Only if last tried longer ago, such as 1h." placeholder:"DURATION"`
	NewerThan time.Duration `help:"Only if last tried within this time, such as 24h." placeholder:"DURATION"`
}

// Validate returns an error for filters that no dead letter can match.
func (f filter) Validate() error {
	var faults []error
	if f.OlderThan < 0 || f.NewerThan < 0 {
		faults = append(faults, errors.New("neither --older-than nor --newer-than can be negative"))
	}
	if f.Class != "" && !slices.Contains(mailbox.Classes(), f.Class) {
		faults = append(faults, fmt.Errorf("there is no class %s: want one of %s", f.Class, strings.Join(mailbox.Classes(), ", ")))
	}
	// The type of a delivery is the name of its sender.
	if f.Type != "" && f.Vendor != ops.Deliveries && !slices.Contains(events.Types(), f.Type) {
		faults = append(faults, fmt.Errorf("there is no type %s: want one of %s; or a sender, with --vendor %s",
			f.Type, strings.Join(events.Types(), ", "), ops.Deliveries))
	}
	return errors.Join(faults...)
}

// matches reports whether d matches all filters.
func (f filter) matches(d streams.DeadLetter) bool {
	age := time.Since(d.LastTry)
	return (f.Vendor == "" || string(f.Vendor) == d.Vendor) &&
		(f.Type == "" || f.Type == d.Type) &&
		(f.Class == "" || f.Class == d.Class) &&
		(f.OlderThan == 0 || age > f.OlderThan) &&
		(f.NewerThan == 0 || age < f.NewerThan)
}

// listCmd is usher dead list.
type listCmd struct {
	filter     `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (listCmd) Help() string {
	return `The state is replaying while a replay is in flight, and quarantined after worker.max_replays failed
replays. A terminal shows the number of each class at the end, and the start of each ID. JSON has
no events. The values: ID, type, event id, class, status, attempts, last try, state, message.

Examples:
  usher dead list --vendor lead --class permanent
  usher dead list --older-than 1h --newer-than 24h
  usher dead list --json | jq -r '.[].id'`
}

// summary is a dead letter in JSON without personal data: Header and Payload hide the members of
// DeadLetter.
type summary struct {
	ID    string `json:"id"`
	State string `json:"state"`
	streams.DeadLetter
	Header  *struct{} `json:"header,omitempty"`
	Payload *struct{} `json:"payload,omitempty"`
}

// Run prints the list.
func (l listCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	list, err := service.DeadLetters(ctx, l.matches)
	if err != nil {
		return app.Advise(err)
	}
	if l.Data() {
		out := make([]summary, len(list))
		for i, letter := range list {
			out[i] = summary{ID: letter.ID(), State: service.DeadState(letter), DeadLetter: letter}
		}
		return l.Write(a, out)
	}
	var rows [][]string
	for _, l := range list {
		rows = append(rows, []string{
			l.ID(), l.Type, l.EventID, l.Class, status(l.Status), strconv.Itoa(l.Attempts),
			l.LastTry.UTC().Format(time.RFC3339), service.DeadState(l), l.Message,
		})
	}
	err = l.Rows(a, []string{"ID", "type", "event", "class", "status", "attempts", "last try", "state", "message"}, rows)
	if err == nil && output.IsTerminal(a.Stdout) {
		_, err = fmt.Fprintln(a.Stdout, tally(list))
	}
	return err
}

// tally returns the number of dead letters of each class, the most frequent first.
func tally(list []streams.DeadLetter) string {
	classes := map[string]int{}
	for _, d := range list {
		classes[d.Class]++
	}
	total := output.Count(len(list), "dead letter")
	if len(list) == 0 {
		return total
	}
	names := slices.Sorted(maps.Keys(classes))
	slices.SortStableFunc(names, func(a, b string) int { return classes[b] - classes[a] })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", classes[name], output.Plain(name, ""))
	}
	return total + ": " + strings.Join(names, ", ")
}

// status returns the text of an HTTP status; empty if there was no answer.
func status(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}
