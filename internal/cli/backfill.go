package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

// backfillCmd is usher backfill.
type backfillCmd struct {
	Vendor     app.VendorFlag `arg:"" help:"The vendor."`
	File       string         `required:"" help:"Users: a JSON object per line, with the data of user.created; - is standard input." placeholder:"FILE"`
	DryRun     bool           `help:"Count, and send nothing."`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (backfillCmd) Help() string {
	return `Provisions users from a list at one vendor, such as a vendor that is new: each user without an account in the records
gets a user.created for that vendor only. usher serve creates or adopts the account, by the rules scope, map and may, at
the rate of the vendor, behind new events. Any other event of the user wins, older or newer: a deleted user stays
deleted. Users with an account are left as they are.
To repeat a backfill is safe: after an interrupt, run it again.
Exit code 1: some lines have no valid user; all others were sent.

Examples:
  usher backfill miestro --file users.jsonl --dry-run
  usher backfill miestro --file users.jsonl --reason "new academy"
  usher results --vendor miestro --follow`
}

// Validate returns an error for a bad flag.
func (b backfillCmd) Validate() error { return errors.Join(b.Vendor.Required(), b.Actor.Validate()) }

// Run sends the users.
func (b backfillCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	from, closeFile, err := openUsers(a, b.File)
	if err != nil {
		return err
	}
	defer closeFile()
	line := output.NewProgress(a.Stderr)
	done, err := service.Backfill(ctx, ops.BackfillOptions{
		Vendor: string(b.Vendor), From: from, DryRun: b.DryRun, Progress: line.Show,
		Row: func(r ops.BackfillRow) error {
			_, err := fmt.Fprintf(a.Stderr, "line %d: not sent: %s %s\n", r.Line, output.Plain(r.UserID, ""), output.Plain(r.Why, ""))
			return err
		},
	}, a.Actor(b.Actor))
	line.End()
	if err := b.print(a, done); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; run it again to go on", app.Interrupted(ctx, app.Advise(err)))
	}
	if done.Invalid > 0 {
		return app.ErrSilent
	}
	return nil
}

func (b backfillCmd) print(a *app.App, done ops.Backfilled) error {
	if b.Data() {
		return b.Write(a, done)
	}
	verb := "sent"
	if b.DryRun {
		verb = "would be sent"
	}
	_, err := fmt.Fprintf(a.Stdout, "%s: %s; %d %s, %d with an account or an event in progress, %d deleted, %d invalid\n",
		done.Vendor, output.Count(done.Users, "user"), done.Sent, verb, done.There, done.Deleted, done.Invalid)
	return err
}
