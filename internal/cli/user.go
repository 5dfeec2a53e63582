package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

// userCmd is usher user.
type userCmd struct {
	ID         string `arg:"" help:"The user_id of the events."`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (userCmd) Help() string {
	return `Shows why Ada has, or has no, account in the LMS: the state of her account at each vendor, and the outcome of
each of her events: done, waiting (with the reason and the time of the next attempt), or a dead letter.
usher reads the records, the history, the dead letters, and each event by its position: a million stored events
do not slow it down. The history of an account is kept for nats.history_max_age, activity for activity.memory;
for older results, see usher results --user ID.
Not shown: events not yet registered for a vendor, and events handled by no vendor. An event of a vendor that is
off is registered once the vendor is on: see usher config check.

Examples:
  usher user ada
  usher user ada --json | jq '.events[] | select(.state == "waiting")'`
}

// Validate returns an error for an empty id.
func (u userCmd) Validate() error {
	if strings.TrimSpace(u.ID) == "" {
		return errors.New("the user_id is empty")
	}
	return nil
}

// Run prints the accounts and the history.
func (u userCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	history, err := service.History(ctx, u.ID)
	if err != nil {
		return app.Advise(err)
	}
	if u.Data() {
		return u.Write(a, history)
	}
	return u.print(a, history)
}

// print prints the accounts, and every effect in order of its registration.
func (u userCmd) print(a *app.App, h ops.History) error {
	switch {
	case len(h.Accounts)+len(h.Events) > 0:
	case !h.Forgotten.IsZero():
		_, err := fmt.Fprintf(a.Stderr, "forgotten at %s, by usher forget: no data is left\n", h.Forgotten.UTC().Format(time.RFC3339))
		return err
	default:
		_, err := fmt.Fprintf(a.Stderr, "no vendor was ever asked for anything about %s; is that the user_id of the events?\n", output.Plain(h.UserID, ""))
		return err
	}
	if err := u.printAccounts(a, h); err != nil {
		return err
	}
	if h.More > 0 {
		if _, err := fmt.Fprintf(a.Stdout, "%d older effects are not shown\n", h.More); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, e := range h.Events {
		rows = append(rows, []string{e.Time.UTC().Format(time.RFC3339), e.Type, e.EventID, e.Vendor, e.State, fmt.Sprint(e.Attempts), reason(e)})
	}
	if len(rows) == 0 {
		return nil
	}
	return u.Rows(a, []string{"first taken up", "type", "event", "vendor", "state", "attempts", "why"}, rows)
}

// printAccounts prints the state of the user's accounts, and the vendors on hold.
func (u userCmd) printAccounts(a *app.App, h ops.History) error {
	var rows [][]string
	for _, at := range h.Accounts {
		state := at.State
		if at.DeletedAt != nil {
			state += ", deleted on " + at.DeletedAt.UTC().Format(time.RFC3339)
		}
		rows = append(rows, []string{at.Vendor, state, at.ID, fmt.Sprint(len(at.Courses))})
	}
	if len(rows) > 0 {
		if err := u.Rows(a, []string{"vendor", "account", "id", "courses"}, rows); err != nil {
			return err
		}
	}
	for _, vendor := range slices.Sorted(maps.Keys(h.Holds)) {
		since := h.Holds[vendor].Since.UTC().Format(time.RFC3339)
		if _, err := fmt.Fprintf(a.Stdout, "%s is on hold since %s: later events may not be shown yet\n", vendor, since); err != nil {
			return err
		}
	}
	return nil
}

// reason returns the reason for the state of an effect, and the command for more.
func reason(e ops.HistoryEvent) string {
	var parts []string
	if step := e.Step(); step != "" {
		parts = append(parts, step)
	}
	if e.Why != "" {
		parts = append(parts, e.Why)
	}
	if e.Until != nil {
		parts = append(parts, "next try at "+e.Until.UTC().Format(time.RFC3339))
	}
	if e.GivenUp != nil {
		parts = append(parts, "given up at "+e.GivenUp.UTC().Format(time.RFC3339))
	}
	if e.Dead != "" {
		parts = append(parts, "usher dead show "+e.Dead)
	}
	return strings.Join(parts, "; ")
}
