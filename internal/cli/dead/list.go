package dead

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// listCmd is usher dead list.
type listCmd struct {
	filter     `embed:""`
	By         string `help:"cause: one row for each cause, with the number of events, the vendors and the times." enum:",cause" default:"" placeholder:"cause"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (listCmd) Help() string {
	return `The state is replaying while a replay is in flight, and quarantined after worker.max_replays failed
replays. A terminal shows the columns to choose by, the start of each ID, the message below, and the
number of each class at the end. JSON has
no events. The values: ID, type, event id, user, course, class, status, attempts, last try, state, message.
User ids that are e-mails are masked.

--by cause shows one row for each cause, the most frequent first; usher dead replay and usher dead drop
take the cause: --all --cause CAUSE.

Examples:
  usher dead list --by cause
  usher dead list --cause invalid:course:go-101
  usher dead list --vendor lead --vendor meiro --user ada
  usher dead list --vendor lead --class permanent --older-than 1h --newer-than 24h
  usher dead list --json | jq -r '.[].id'`
}

// summary is a dead letter in JSON without personal data: Header and Payload hide the members of
// DeadLetter.
type summary struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	UserID string `json:"user_id,omitempty"`
	Course string `json:"course_id,omitempty"`
	Cause  string `json:"cause"`
	streams.DeadLetter
	Header  *struct{} `json:"header,omitempty"`
	Payload *struct{} `json:"payload,omitempty"`
}

// Run prints the list.
func (l listCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	list, err := service.Letters(ctx, l.selected())
	if err != nil {
		return app.Advise(err)
	}
	if l.By != "" {
		return l.groups(a, ops.Groups(list))
	}
	if l.Data() {
		out := make([]summary, len(list))
		for i, one := range list {
			out[i] = summary{ID: one.ID(), State: one.State, UserID: masking.ID(one.UserID), Course: masking.ID(one.Course), Cause: one.Cause.Key, DeadLetter: one.DeadLetter}
		}
		return l.Write(a, out)
	}
	if output.IsTerminal(a.Stdout) {
		return l.brief(a, list)
	}
	var rows [][]string
	for _, l := range list {
		rows = append(rows, []string{
			l.ID(), l.Type, l.EventID, masking.ID(l.UserID), masking.ID(l.Course), l.Class, status(l.Status), strconv.Itoa(l.Attempts),
			l.LastTry.UTC().Format(time.RFC3339), l.State, l.Message,
		})
	}
	return l.Rows(a, []string{"ID", "type", "event", "user", "course", "class", "status", "attempts", "last try", "state", "message"}, rows)
}

// brief prints the list for a terminal: the columns to choose by, and the message below.
func (l listCmd) brief(a *app.App, list []ops.Letter) error {
	var rows [][]string
	for _, l := range list {
		rows = append(rows, []string{
			l.ID(), masking.ID(l.UserID), masking.ID(l.Course), l.Class, l.LastTry.UTC().Format(time.RFC3339), l.State, l.Type + ": " + l.Message,
		})
	}
	err := l.Advice(a, []string{"ID", "user", "course", "class", "last try", "state", "event and message"}, rows)
	if err == nil {
		_, err = fmt.Fprintln(a.Stdout, tally(list))
	}
	return err
}

// group is a group of dead letters in JSON.
type group struct {
	Cause   string         `json:"cause"`
	Class   string         `json:"class"`
	Message string         `json:"message"`
	Letters int            `json:"dead_letters"`
	Events  int            `json:"events"`
	Vendors []string       `json:"vendors"` // events: all
	States  map[string]int `json:"states"`
	Oldest  time.Time      `json:"oldest"`
	Newest  time.Time      `json:"newest"`
	Example string         `json:"example"`
}

// groups prints one row for each cause.
func (l listCmd) groups(a *app.App, list []ops.Group) error {
	out := make([]group, len(list))
	var rows [][]string
	for i, g := range list {
		out[i] = group{g.Cause.Key, g.Class, g.Cause.Text, g.Letters, g.Events, g.Vendors, g.States, g.Oldest.UTC(), g.Newest.UTC(), g.Example}
		rows = append(rows, []string{
			g.Cause.Key, strconv.Itoa(g.Events), strings.Join(g.Vendors, ","), g.Oldest.UTC().Format(time.RFC3339), g.Newest.UTC().Format(time.RFC3339), g.Example, g.Cause.Text,
		})
	}
	if l.Data() {
		return l.Write(a, out)
	}
	head := []string{"cause", "events", "vendors", "oldest", "newest", "example", "message"}
	if output.IsTerminal(a.Stdout) { // without the oldest and the example
		head = slices.Delete(head, 5, 6)
		head = slices.Delete(head, 3, 4)
		for i := range rows {
			rows[i] = slices.Delete(slices.Delete(rows[i], 5, 6), 3, 4)
		}
	}
	return l.Advice(a, head, rows)
}

// tally returns the number of dead letters of each class, the most frequent first.
func tally(list []ops.Letter) string {
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
