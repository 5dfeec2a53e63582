package cli

import (
	"bufio"
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

type forgetCmd struct {
	ID           string   `arg:"" help:"The user_id, as the events have it."`
	Email        []string `help:"A further e-mail of the user's, for deliveries and broken events that name it. May be given more than once." placeholder:"ADDRESS"`
	DryRun       bool     `help:"Say what would be erased, and erase nothing."`
	KeepAccounts bool     `help:"Though vendors still have accounts of the user's: usher then knows them no longer."`
	Force        bool     `help:"Though something is still to be done for the user: it is left undone."`
	Events       bool     `help:"Erase events in nats.events_stream too, a stream of your own."`
	Yes          bool     `help:"Do not ask."`
	app.Actor    `embed:""`
	JSON         bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (forgetCmd) Help() string {
	return `Erases what usher stores of one user: events, results, dead letters, web hooks' deliveries that
could not become events, replays, and what the ledger says. What stays is a tombstone without a name, which keeps
a late event from bringing the user back. Send user.deleted first, and wait for its results: this asks
no vendor for anything. It cannot be undone.

It reads every message that is stored, in about 20 seconds for a million, while usher serve goes on. Interrupt it and run
it again: it goes on. What NATS cannot be made to erase at once is told in the end, see docs/security.md;
backups, logs and what producers and vendors have are yours to see to.
Exit code 1: nothing was erased, since something has to be done first, or not all was erased.

Examples:
  usher forget ada --dry-run
  usher forget ada --reason "request 4711"
  usher forget ada --keep-accounts --yes --reason "request 4711; Usermost was asked"`
}

// Validate refuses a use that would write down who it was.
func (f forgetCmd) Validate() error {
	if f.ID == "" {
		return errors.New("say who: the user_id of the events")
	}
	for _, name := range append([]string{f.ID}, f.Email...) {
		if strings.Contains(f.Reason, name) {
			return errors.New("--reason is kept for usher audit: do not say there who it is")
		}
	}
	return f.Actor.Validate()
}

// Run looks for the user's data, and erases them.
func (f forgetCmd) Run(ctx context.Context, a *app.App) error {
	d, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	line := output.NewProgress(a.Stderr)
	how := ops.Forgetting{Unfinished: f.Force, Accounts: f.KeepAccounts, Events: f.Events, Progress: line.Show}
	held, err := d.Holding(ctx, ops.Search{UserID: f.ID, Emails: f.Email, Progress: line.Show})
	line.End()
	if err != nil {
		return app.Advise(err)
	}
	refusal := held.Refusal(how)
	if f.DryRun || refusal != nil {
		return errors.Join(f.found(a, held), refusal)
	}
	if err := f.agree(ctx, a, held); err != nil {
		return err
	}
	done, err := d.Forget(ctx, held, how, a.Actor(f.Actor))
	line.End()
	return errors.Join(f.told(a, done), app.Advise(err))
}

// agree asks whether it is meant. Where nobody can be asked, --yes has to say so.
func (f forgetCmd) agree(ctx context.Context, a *app.App, held ops.Holding) error {
	if f.Yes {
		return nil
	}
	if in, ok := a.Stdin.(*os.File); !ok || !output.IsTerminal(in) {
		return app.Usage(errors.New("nobody can be asked here: say --yes, or look first with --dry-run"))
	}
	if !f.JSON {
		if err := f.found(a, held); err != nil {
			return err
		}
	}
	return meant(ctx, a.Stdin, a.Stderr)
}

// meant returns an error where the answer is not yes.
func meant(ctx context.Context, in io.Reader, out io.Writer) error {
	if _, err := fmt.Fprint(out, "Erase all of this? It cannot be undone. [y/N] "); err != nil {
		return err
	}
	said, err := app.Await(ctx, func() (string, error) { return bufio.NewReader(in).ReadString('\n') })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if said = strings.ToLower(strings.TrimSpace(said)); said != "y" && said != "yes" {
		return ops.ErrNotYet
	}
	return nil
}

// found prints what is stored of the user, and what is to be done first.
func (f forgetCmd) found(a *app.App, held ops.Holding) error {
	if f.JSON {
		return output.JSON(a.Stdout, held)
	}
	if held.Nothing() {
		_, err := fmt.Fprintf(a.Stderr, "nothing is stored of %s; is that the user_id of the events?\n", output.Plain(f.ID, ""))
		return err
	}
	var rows [][]string
	for _, at := range held.Found {
		rows = append(rows, []string{"stored", at.Where, fmt.Sprint(at.Count), ""})
	}
	for _, o := range held.Open {
		rows = append(rows, []string{"unfinished", o.Vendor, o.Type, o.State + " (event key " + o.Key + ")"})
	}
	for _, at := range held.Accounts {
		rows = append(rows, []string{"account", at.Vendor, at.ID, at.Why})
	}
	return output.Rows(a.Stdout, []string{"", "where", "what", ""}, rows)
}

// told prints what was erased, and what stays.
func (f forgetCmd) told(a *app.App, done ops.Forgotten) error {
	if f.JSON {
		return output.JSON(a.Stdout, done)
	}
	var rows [][]string
	for _, at := range done.Erased {
		rows = append(rows, []string{"erased", at.Where, fmt.Sprint(at.Count)})
	}
	for _, text := range done.Stays {
		where, what, _ := strings.Cut(text, ": ")
		rows = append(rows, []string{"stays", where, what})
	}
	return output.Rows(a.Stdout, []string{"", "where", "what"}, rows)
}
