// Package reconcile holds the command usher reconcile.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Cmd is usher reconcile.
type Cmd struct {
	Vendor    app.VendorFlag `arg:"" help:"The vendor's name."`
	Emails    bool           `help:"Show e-mails in full."`
	Repair    bool           `help:"Put right what can be; with --max."`
	Max       int            `help:"With --repair: this many accounts at most." placeholder:"N"`
	DryRun    bool           `help:"Only report, as without --repair."`
	Rate      float64        `help:"With --repair: so many accounts a second; ${default} by default." default:"1" placeholder:"N"`
	app.Actor `embed:""`
	JSON      bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `Compares the accounts in the ledger with those that the vendor lists, while usher serve goes on.
  missing   active in the ledger, not at the vendor: somebody removed it there
  remains   deleted in the ledger, still or again at the vendor
  unknown   at the vendor, in no record of the ledger: from before usher, or made by hand
  conflict  active in the ledger as the account of several users: usher changes nothing
What changes meanwhile is not judged. Staff is left alone. Usermost, and Meiro in mode customers, list nobody.

--repair sends the user.created of what is missing, with its enrolments, or the user.deleted of what
remains, to this vendor once more. An unknown account is taken over where the user.created with its
e-mail has failed. All else stays as it is, with the reason. Interrupt it and run it again: it goes on.
Exit code 0: ledger and vendor agree, or all that differed was sent. 1: something differs.

Examples:
  usher reconcile miestro
  usher reconcile miestro --json --emails | jq '.differences[] | select(.difference == "unknown")'
  usher reconcile miestro --repair --max 100 --reason "accounts removed by mistake, ticket 4711"`
}

// Validate refuses a use that does not say what is meant.
func (r Cmd) Validate() error {
	switch {
	case r.Vendor == "":
		return errors.New("say which vendor")
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

// Run compares, and puts right what it is asked to.
func (r Cmd) Run(ctx context.Context, a *app.App) error {
	c, b, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	deps, err := r.deps(ctx, a, c, b)
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
		return errors.Join(r.tell(a, found), differ(found))
	}
	return r.repair(ctx, a, repairs{Bus: b, source: c.Source, deps: deps, found: found})
}

// deps is what the comparison works with: the vendor's adapter, the ledger and the streams.
func (r Cmd) deps(ctx context.Context, a *app.App, c config.Config, b *bus.Bus) (reconcile.Deps, error) {
	list := a.Catalog.With(&c)
	v := list[slices.IndexFunc(list, func(v engine.Vendor) bool { return v.Name == string(r.Vendor) })]
	if why := c.Off()[v.Name]; why != "" {
		return reconcile.Deps{}, app.Usage(errors.New(v.Name + " is off: " + why))
	}
	port, err := v.Adapter()
	if err != nil {
		return reconcile.Deps{}, app.Usage(err)
	}
	lists, ok := port.(vendors.Lister)
	if !ok {
		return reconcile.Deps{}, fmt.Errorf("%s, as it is set here, has no call that lists its users: there is nothing to compare the ledger with", v.Name)
	}
	records, err := recordstore.Open(ctx, streams.Client{JetStream: b.JetStream()}, bus.AccountsKV)
	if err != nil {
		return reconcile.Deps{}, app.Advise(err)
	}
	return reconcile.Deps{Name: v.Name, Vendor: lists, Records: records, Events: b, MaxReplays: c.Worker.MaxReplays}, nil
}

// differ is the exit code of a report.
func differ(found reconcile.Report) error {
	if found.Same() {
		return nil
	}
	return app.ErrSilent
}

// tell prints a report.
func (r Cmd) tell(a *app.App, found reconcile.Report) error {
	found.Differences = r.discreet(found.Differences)
	if r.JSON {
		return output.JSON(a.Stdout, found)
	}
	var rows [][]string
	for _, d := range found.Differences {
		rows = append(rows, []string{string(d.Kind), d.AccountID, d.UserID, d.Email, string(d.Repair), d.Note})
	}
	if len(rows) > 0 {
		if err := output.Rows(a.Stdout, []string{"it is", "account", "user", "e-mail", "repair", "note"}, rows); err != nil {
			return err
		}
	}
	return sum(a, found)
}

// sum tells on standard error how many accounts there are of each kind.
func sum(a *app.App, found reconcile.Report) error {
	by := map[reconcile.Kind]int{}
	for _, d := range found.Differences {
		by[d.Kind]++
	}
	said := []string{output.Count(found.Agree, "account") + " in agreement"}
	for _, part := range []struct {
		n    int
		what string
	}{
		{by[reconcile.Missing], "missing"},
		{by[reconcile.Remains], "deleted and still there"},
		{by[reconcile.Unknown], "unknown"},
		{by[reconcile.Conflict], "of several users"},
		{found.Staff, "of staff"},
		{found.OnTheWay, "on the way"},
		{found.Changed, "changed meanwhile and not judged"},
	} {
		if part.n > 0 {
			said = append(said, fmt.Sprint(part.n, " ", part.what))
		}
	}
	_, err := fmt.Fprintf(a.Stderr, "%s: %s\n", found.Vendor, strings.Join(said, ", "))
	return err
}

// discreet is the list without its e-mails, unless they are asked for.
func (r Cmd) discreet(list []reconcile.Difference) []reconcile.Difference {
	out := slices.Clone(list)
	for i := range out {
		if !r.Emails {
			out[i].Email = masked(out[i].Email)
		}
	}
	return out
}

// masked is the first letter and the domain of an e-mail.
func masked(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok {
		local, domain = email, ""
	}
	first, _ := utf8.DecodeRuneInString(local)
	switch {
	case local == "":
		return ""
	case !ok:
		return string(first) + "…"
	default:
		return string(first) + "…@" + domain
	}
}
