package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

// userCmd is usher user.
type userCmd struct {
	ID       string `arg:"" help:"The user_id of the events, or an e-mail."`
	Timeline bool   `help:"Print the steps of each event: event, scope, look-up, call, result."`
	Long     bool   `help:"Print hashes, and times to the second."`

	app.Output `embed:""`
}

// Help is shown below the flags.
func (userCmd) Help() string {
	return `Shows why Ada has, or has no, account in the LMS. The first lines answer, one for each vendor:
  done          every event has ended
  queued        an event waits for its turn: how many come before, and since when
  waiting       for the next attempt, with the last error; or for the account;
                or for the next process, after the end of one at work
  at work       the vendor is being called
  held          the deletion guard holds the deletion: an operator decides
  paused        a person has paused the vendor
  on hold       the vendor fails or refuses the credentials, and is checked
  out of scope  a rule of the configuration leaves the user out
  skipped       another rule forbids the change
  dead letter   an event failed for good: the class, the reason, the remedy
  never asked   no event of the user is for the vendor
  off           the vendor is off
Below stand the accounts, and the outcome of each event. The history of an account is kept for
nats.history_max_age, activity for activity.memory; for older results, see usher results --user ID.
The exit code is 1 if nothing is known of the user.

Examples:
  usher user ada
  usher user ada@example.org            several users with one e-mail are listed
  usher user ada --timeline
  usher user ada --json | jq '.vendors[] | select(.state != "done")'`
}

// Validate returns an error for an empty id.
func (u userCmd) Validate() error {
	if strings.TrimSpace(u.ID) == "" {
		return errors.New("which user? Give a user_id or an e-mail")
	}
	return nil
}

// Run prints the accounts and the history.
func (u userCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	ids, err := service.FindUsers(ctx, u.ID)
	if err != nil {
		return app.Advise(err)
	}
	switch len(ids) {
	case 0:
		return errors.New("no user with this e-mail is known: usher finds an e-mail of an event that is still stored, or was when usher indexed it; see docs/operating.md")
	case 1:
		return u.show(ctx, a, service, ids[0])
	default:
		return u.list(a, ids)
	}
}

// list prints the ids of several users with one e-mail.
func (u userCmd) list(a *app.App, ids []string) error {
	if u.Data() {
		return u.Write(a, map[string][]string{"users": ids})
	}
	a.Remark(output.Count(len(ids), "user") + " with this e-mail; show one by its id")
	rows := make([][]string, len(ids))
	for i, id := range ids {
		rows[i] = []string{id}
	}
	return u.Rows(a, []string{"user id"}, rows)
}

// show prints one user.
func (u userCmd) show(ctx context.Context, a *app.App, service *ops.Service, id string) error {
	user, err := service.User(ctx, id)
	if err != nil {
		return app.Advise(err)
	}
	if !user.Known() {
		return fmt.Errorf("nothing is known of %s: is that the user_id of the events, with the same capitals?", output.Plain(id, ""))
	}
	switch {
	case u.Data() && u.Timeline:
		return u.Write(a, user.Timeline())
	case u.Data():
		return u.Write(a, user)
	}
	if len(user.Accounts)+len(user.Events) == 0 && !user.Forgotten.IsZero() {
		_, err := fmt.Fprintf(a.Stderr, "forgotten at %s, by usher forget: no data is left\n", user.Forgotten.UTC().Format(time.RFC3339))
		return err
	}
	p := newUserPrinter(a, u.Output, u.Long)
	if u.Timeline {
		return p.timeline(user)
	}
	return p.user(user)
}
