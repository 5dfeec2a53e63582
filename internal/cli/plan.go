package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/ops"
)

// planCmd is usher plan.
type planCmd struct {
	Old        string `help:"The configuration to compare with; ./usher.yaml by default." placeholder:"FILE" default:"usher.yaml"`
	From       string `help:"Users in a file instead of the stored profiles; see usher simulate." placeholder:"FILE"`
	List       bool   `help:"Print each user with a difference, before the counts."`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (planCmd) Help() string {
	return `Compares the rules of two configurations for all users: the users that enter or leave the scope of each vendor, and
the fields whose value differs, by name. usher reads the stored profiles, and calls no vendor. A user who leaves a
scope keeps the account, unless the configuration says otherwise. For the accounts, see usher simulate.
With --list, JSON has one object per line, and the counts in the last.
Exit code 0: nobody leaves a scope. 3: users leave.

Examples:
  usher plan --config new.yaml
  usher plan --config new.yaml --old /etc/usher.yaml --list
  usher plan --config new.yaml --json | jq '.counts[] | select(.change == "leaves")'`
}

// Run prints the differences.
func (k planCmd) Run(ctx context.Context, a *app.App) error {
	if a.File == "" {
		return app.Usage(errors.New("which configuration is the new one? Give --config FILE"))
	}
	if err := errors.Join(notEmpty(a.File), notEmpty(k.Old)); err != nil {
		return app.Usage(err)
	}
	old, err := a.ConfigAt(k.Old)
	if err != nil {
		return err
	}
	c, set, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	from, closeFile, err := openUsers(a, k.From)
	if err != nil {
		return err
	}
	defer closeFile()
	line := output.NewProgress(a.Stderr)
	found, err := a.Catalog.Service(set, c).Plan(ctx, a.Catalog.Service(set, old), ops.PlanOptions{From: from, Row: k.row(a), Progress: line.Show})
	line.End()
	if err != nil {
		return app.Interrupted(ctx, app.Advise(err))
	}
	if err := k.print(a, found); err != nil {
		return err
	}
	if found.Leaving > 0 {
		return app.ErrFindings
	}
	return nil
}

// row returns the function that prints a user with a difference; nil without --list.
func (k planCmd) row(a *app.App) func(ops.PlanRow) error {
	switch {
	case !k.List:
		return nil
	case k.Data():
		return func(r ops.PlanRow) error { return k.Item(a, r) }
	}
	return func(r ops.PlanRow) error {
		detail := strings.Trim(strings.Join(r.Fields, ", ")+" "+r.Message, " ")
		return k.Row(a, []string{masking.ID(r.UserID), r.Vendor, r.Change, detail}, []int{16, 10, 8, 0})
	}
}

func (k planCmd) print(a *app.App, found ops.Plan) error {
	if k.Data() {
		return totals(a, k.Output, found, k.List)
	}
	var rows [][]string
	for _, s := range found.Settings {
		rows = append(rows, []string{s.Key, s.Old, s.New})
	}
	if err := k.Advice(a, []string{"setting", "old", "new"}, rows); err != nil {
		return err
	}
	if err := warnOfProfiles(a, found.Without); err != nil {
		return err
	}
	rows = nil
	for _, c := range found.Counts {
		rows = append(rows, []string{c.Vendor, c.Change, c.Field, fmt.Sprint(c.Users)})
	}
	err := k.Rows(a, []string{"vendor", "change", "field", "users"}, rows)
	_, failed := fmt.Fprintf(a.Stdout, "%s; %d leave a scope\n", output.Count(found.Users, "user"), found.Leaving)
	return errors.Join(err, failed)
}
