// Package reconcile holds the command usher reconcile.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Cmd is usher reconcile.
type Cmd struct {
	Vendor     app.VendorFlag `arg:"" help:"Name of the vendor."`
	Emails     bool           `help:"Show e-mails in full."`
	Repair     bool           `help:"Repair differences; with --max."`
	Max        int            `help:"With --repair: at most N accounts." placeholder:"N"`
	DryRun     bool           `help:"Only report, as without --repair."`
	Rate       float64        `help:"With --repair: accounts per second; ${default} by default." default:"1" placeholder:"N"`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `Compares the records with the accounts listed by the vendor, while usher serve goes on.
  missing   active in the records, not at the vendor: removed there by hand
  remains   deleted in the records, still or again at the vendor
  unknown   at the vendor, in no record: from before usher, or created by hand
  conflict  active in the records of several users: usher changes nothing
Accounts that change meanwhile are not compared. Staff is left alone. Usermost, and Meiro in mode
customers, cannot list users.

--repair sends the user.created of a missing account, with its enrolments, or the user.deleted of an
account that remains, to this vendor again. An unknown account is adopted if the user.created with its
e-mail has failed. All other differences are left, with the reason. After an interrupt, run it again.
Exit code 0: records and vendor agree, or all repairs were sent. 1: differences are left.

Examples:
  usher reconcile miestro
  usher reconcile miestro --json --emails | jq '.differences[] | select(.difference == "unknown")'
  usher reconcile miestro --repair --max 100 --reason "accounts removed by mistake, ticket 4711"`
}

// Validate returns an error for flags that are incomplete or exclude each other.
func (r Cmd) Validate() error {
	switch {
	case r.Vendor == "":
		return errors.New("which vendor?")
	case r.Repair && r.Max < 1:
		return errors.New("--repair needs --max N, the most accounts that are changed at once")
	case !r.Repair && r.Max != 0:
		return errors.New("--max goes with --repair")
	case !(r.Rate > 0):
		return errors.New("--rate must be above zero")
	default:
		return r.Actor.Validate()
	}
}

// Run compares, and repairs differences with --repair.
func (r Cmd) Run(ctx context.Context, a *app.App) error {
	c, set, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	deps, err := r.deps(ctx, a, c, set)
	if err != nil {
		return err
	}
	line := output.NewProgress(a.Stderr)
	deps.Progress = line.Show
	found, err := reconcile.Compare(ctx, deps)
	line.End()
	if err != nil {
		return app.Advise(err)
	}
	if !r.Repair || r.DryRun {
		return errors.Join(r.print(a, found), exitCode(found))
	}
	return r.repair(ctx, a, reconcile.Repairs{Deps: deps, Streams: set, Source: c.Source}, found)
}

// deps returns the adapter of the vendor, the records and the streams for a comparison.
func (r Cmd) deps(ctx context.Context, a *app.App, c config.Config, set *streams.Set) (reconcile.Deps, error) {
	list := a.Catalog.With(&c)
	v := list[slices.IndexFunc(list, func(v engine.Vendor) bool { return v.Name == string(r.Vendor) })]
	if why := c.Off()[v.Name]; why != "" {
		return reconcile.Deps{}, app.Usage(errors.New(v.Name + " is off: " + why))
	}
	port, err := v.Adapter()
	if err != nil {
		return reconcile.Deps{}, app.Usage(err)
	}
	lister, ok := vendors.Port[vendors.Lister](port)
	if !ok {
		return reconcile.Deps{}, fmt.Errorf("%s, as it is set here, has no call that lists its users: there is nothing to compare the records with", v.Name)
	}
	records, err := recordstore.Open(ctx, set.Client, streams.AccountsBucket)
	if err != nil {
		return reconcile.Deps{}, app.Advise(err)
	}
	return reconcile.Deps{
		Name: v.Name, Vendor: lister, Records: records, Events: set.Events, Replays: set.Replays, DeadLetters: set.DeadLetters,
		MaxReplays: c.Worker.MaxReplays,
	}, nil
}

// exitCode returns app.ErrSilent if there are differences.
func exitCode(found reconcile.Report) error {
	if found.Same() {
		return nil
	}
	return app.ErrSilent
}

// print prints a report.
func (r Cmd) print(a *app.App, found reconcile.Report) error {
	found.Differences = r.masked(found.Differences)
	if r.Data() {
		return r.Write(a, found)
	}
	var rows [][]string
	for _, d := range found.Differences {
		rows = append(rows, []string{string(d.Kind), d.AccountID, masking.ID(d.UserID), d.Email, string(d.Repair), d.Note})
	}
	if len(rows) > 0 {
		if err := r.Advice(a, []string{"difference", "account", "user", "e-mail", "repair", "note"}, rows); err != nil {
			return err
		}
	}
	return printCounts(a, found)
}

// printCounts prints the number of accounts of each kind to standard error.
func printCounts(a *app.App, found reconcile.Report) error {
	counts := map[reconcile.Kind]int{}
	for _, d := range found.Differences {
		counts[d.Kind]++
	}
	parts := []string{output.Count(found.Agree, "account") + " in agreement"}
	for _, count := range []struct {
		n    int
		what string
	}{
		{counts[reconcile.Missing], "missing"},
		{counts[reconcile.Remains], "deleted and still there"},
		{counts[reconcile.Unknown], "unknown"},
		{counts[reconcile.Conflict], "of several users"},
		{found.Staff, "of staff"},
		{found.OnTheWay, "on the way"},
		{found.Changed, "changed meanwhile and not compared"},
	} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprint(count.n, " ", count.what))
		}
	}
	_, err := fmt.Fprintf(a.Stderr, "%s: %s\n", found.Vendor, strings.Join(parts, ", "))
	return err
}

// masked returns the list with masked e-mails, unless --emails is set.
func (r Cmd) masked(list []reconcile.Difference) []reconcile.Difference {
	out := slices.Clone(list)
	for i := range out {
		if !r.Emails {
			out[i].Email = masking.Email(out[i].Email)
		}
	}
	return out
}
