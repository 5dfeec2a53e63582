package main

import (
	"context"
	"strconv"
	"time"

	"github.com/usherhq/usher/internal/bus"
)

// deadFilter says which dead letters are meant.
type deadFilter struct {
	Vendor vendorFlag `help:"Of this vendor only." placeholder:"NAME"`
	Type   string     `help:"Of events of this type only." placeholder:"TYPE"`
	Class  string     `help:"Of this class only: invalid, permanent, prerequisite, exhausted or panic." placeholder:"CLASS"`
}

func (f deadFilter) fits(d bus.DeadLetter) bool {
	return (f.Vendor == "" || string(f.Vendor) == d.Vendor) &&
		(f.Type == "" || f.Type == d.Type) &&
		(f.Class == "" || f.Class == d.Class)
}

type deadListCmd struct {
	deadFilter `embed:""`
	JSON       bool `help:"Print a JSON array, without the events themselves."`
}

// Help is shown below the flags.
func (deadListCmd) Help() string {
	return `Elsewhere than on a terminal the values of a line stand between tabs: ID, type, event id,
class, status, attempts, last try, message.

Examples:
  usher dead list --vendor lead --class permanent
  usher dead list --json | jq -r '.[].id'`
}

// deadSummary is a dead letter without the event itself, which holds personal
// data: its members of the same names stand before those of DeadLetter.
type deadSummary struct {
	ID string `json:"id"`
	bus.DeadLetter
	Header  *struct{} `json:"header,omitempty"`
	Payload *struct{} `json:"payload,omitempty"`
}

// Run prints the list.
func (l deadListCmd) Run(ctx context.Context, a *app) error {
	g, err := a.graves(ctx)
	if err != nil {
		return err
	}
	defer g.end()
	list, err := g.all(ctx, l.fits)
	if err != nil {
		return err
	}
	if l.JSON {
		out := make([]deadSummary, len(list))
		for i, d := range list {
			out[i] = deadSummary{ID: d.ID(), DeadLetter: d}
		}
		return writeJSON(a.Stdout, out)
	}
	var rows [][]string
	for _, d := range list {
		rows = append(rows, []string{
			d.ID(), d.Type, d.EventID, d.Class, status(d.Status), strconv.Itoa(d.Attempts),
			d.LastTry.UTC().Format(time.RFC3339), d.Message,
		})
	}
	return a.print([]string{"ID", "type", "event", "class", "status", "attempts", "last try", "message"}, rows)
}

// status is an HTTP status as it is shown, and nothing where none came.
func status(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}
