package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

// forgetCmd is usher forget.
type forgetCmd struct {
	ID           string   `arg:"" help:"The user_id of the events."`
	Email        []string `help:"Another e-mail of the user, to find deliveries and broken events. May be repeated." placeholder:"ADDRESS"`
	DryRun       bool     `help:"Print the data of the user, and erase nothing."`
	KeepAccounts bool     `help:"Erase the data although the user still has accounts at vendors."`
	Force        bool     `help:"Erase the data although effects are unfinished; usher drops the effects."`
	Events       bool     `help:"Erase events in nats.events_stream too, a stream not created by usher."`
	Yes          bool     `help:"Erase without a question."`
	Report       string   `help:"Write the outcome as JSON into a new file, to keep: the digest of the id, and what was erased, stays, and was found by the last scan." placeholder:"FILE"`
	app.Actor    `embed:""`
	app.Output   `embed:""`
}

// Help is shown below the flags.
func (forgetCmd) Help() string {
	return `Erases the data of one user: events, results, dead letters, deliveries of web hooks that failed, replays, and
records. A tombstone without a name stays, so that a late event cannot bring the user back. Send user.deleted first,
and wait for its results: usher forget calls no vendor. It cannot be undone.

usher forget reads every stored message, a million in about 20 seconds, while usher serve goes on. After an interrupt,
run it again. The last lines list the data that NATS erases later, see docs/security.md. You must erase backups, logs,
and the data of producers and vendors.
Exit code 1: nothing was erased, since an earlier step is missing, or not all data was erased.

Examples:
  usher forget ada --dry-run
  usher forget ada --reason "request 4711"
  usher forget ada --yes --reason "request 4711" --report forgotten-4711.json
  usher forget ada --keep-accounts --yes --reason "request 4711; Usermost was asked"`
}

// Validate returns an error if the reason names the user: the reason is stored for usher audit.
func (f forgetCmd) Validate() error {
	if f.ID == "" {
		return errors.New("which user? Give the user_id")
	}
	for _, name := range append([]string{f.ID}, f.Email...) {
		if strings.Contains(f.Reason, name) {
			return errors.New("--reason is stored for usher audit: it must not name the user")
		}
	}
	return f.Actor.Validate()
}

// Run finds the data of the user, and erases the data.
func (f forgetCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	line := output.NewProgress(a.Stderr)
	options := ops.ForgetOptions{Unfinished: f.Force, Accounts: f.KeepAccounts, Events: f.Events, Progress: line.Show}
	data, err := service.UserData(ctx, ops.Search{UserID: f.ID, Emails: f.Email, Progress: line.Show})
	line.End()
	if err != nil {
		return app.Advise(err)
	}
	refusal := data.Refusal(options)
	if f.DryRun || refusal != nil {
		return errors.Join(f.printFound(a, data), refusal)
	}
	if err := f.confirm(ctx, a, data); err != nil {
		return err
	}
	done, err := service.Forget(ctx, data, options, a.Actor(f.Actor))
	line.End()
	return errors.Join(f.printErased(a, done), f.writeReport(done, err), app.Advise(err))
}

// forgetReport is the content of the file of --report. The report names the user by the digest only.
type forgetReport struct {
	ops.Forgotten
	Complete bool   `json:"complete"`
	Reason   string `json:"reason,omitempty"`
}

// writeReport writes the report of an erasure. An existing file stays.
func (f forgetCmd) writeReport(done ops.Forgotten, failed error) error {
	if f.Report == "" {
		return nil
	}
	file, err := os.OpenFile(f.Report, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return errors.Join(output.JSON(file, forgetReport{Forgotten: done, Complete: failed == nil, Reason: f.Reason}), file.Close())
}

// confirm asks for a confirmation on a terminal. Elsewhere, --yes is needed.
func (f forgetCmd) confirm(ctx context.Context, a *app.App, data ops.UserData) error {
	if f.Yes {
		return nil
	}
	if in, ok := a.Stdin.(*os.File); !ok || !output.IsTerminal(in) {
		return app.Usage(errors.New("nobody can be asked here: say --yes, or look first with --dry-run"))
	}
	if !f.Data() {
		if err := f.printFound(a, data); err != nil {
			return err
		}
	}
	return askToErase(ctx, a.Stdin, a.Stderr)
}

// askToErase returns an error unless the answer is yes.
func askToErase(ctx context.Context, in io.Reader, out io.Writer) error {
	yes, err := app.Ask(ctx, in, out, "Erase all of this? It cannot be undone.")
	if err == nil && !yes {
		return ops.ErrNotYet
	}
	return err
}

// printFound prints the data of the user, and the steps before an erasure.
func (f forgetCmd) printFound(a *app.App, data ops.UserData) error {
	if f.Data() {
		return f.Write(a, data)
	}
	if data.Empty() {
		_, err := fmt.Fprintf(a.Stderr, "nothing is stored of %s; is that the user_id of the events?\n", output.Plain(f.ID, ""))
		return err
	}
	var rows [][]string
	for _, at := range data.Matches {
		rows = append(rows, []string{"stored", at.Where, fmt.Sprint(at.Count), ""})
	}
	if data.Doubtful > 0 {
		rows = append(rows, []string{"doubtful", "messages without a user", fmt.Sprint(data.Doubtful), "have a word that may be the id; they stay"})
	}
	for _, p := range data.Pending {
		rows = append(rows, []string{"unfinished", p.Vendor, p.Type, p.State + " (event key " + p.Key + ")"})
	}
	for _, at := range data.Accounts {
		rows = append(rows, []string{"account", at.Vendor, at.ID, at.Why})
	}
	return f.Rows(a, []string{"", "where", "what", ""}, rows)
}

// printErased prints the erased data, and the data that stays.
func (f forgetCmd) printErased(a *app.App, done ops.Forgotten) error {
	if f.Data() {
		return f.Write(a, done)
	}
	var rows [][]string
	for _, at := range done.Erased {
		rows = append(rows, []string{"erased", at.Where, fmt.Sprint(at.Count)})
	}
	for _, at := range done.Scan {
		rows = append(rows, []string{"scanned", at.Where, fmt.Sprintf("%d messages with the id or an e-mail left", at.Count)})
	}
	for _, text := range done.Stays {
		where, what, _ := strings.Cut(text, ": ")
		rows = append(rows, []string{"stays", where, what})
	}
	return f.Rows(a, []string{"", "where", "what"}, rows)
}
