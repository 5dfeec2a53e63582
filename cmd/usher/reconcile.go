package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

type reconcileCmd struct {
	Vendor string  `arg:"" help:"The vendor's name."`
	Emails bool    `help:"Show e-mails in full."`
	Repair bool    `help:"Put right what can be; with --max."`
	Max    int     `help:"With --repair: this many accounts at most." placeholder:"N"`
	DryRun bool    `help:"Only report, as without --repair."`
	Rate   float64 `help:"With --repair: so many accounts a second; ${default} by default." default:"1" placeholder:"N"`
	deed   `embed:""`
	JSON   bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (reconcileCmd) Help() string {
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
func (r reconcileCmd) Validate() error {
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
		return errors.Join(knownVendors(r.Vendor), r.deed.Validate())
	}
}

// Run compares, and puts right what it is asked to.
func (r reconcileCmd) Run(ctx context.Context, a *app) error {
	c, set, end, err := a.reach(ctx)
	if err != nil {
		return err
	}
	defer end()
	deps, err := r.deps(ctx, c, set)
	if err != nil {
		return err
	}
	line := odometer{out: a.Stderr, on: terminal(a.Stderr)}
	deps.Progress = line.show
	found, err := reconcile.Compare(ctx, deps)
	line.end()
	if err != nil {
		return missing(err)
	}
	if !r.Repair || r.DryRun {
		return errors.Join(r.tell(a, found), differ(found))
	}
	return r.repair(ctx, a, repairs{streams: set, source: c.Source, deps: deps, found: found})
}

// deps is what the comparison works with: the vendor's adapter, the ledger and the streams.
func (r reconcileCmd) deps(ctx context.Context, c config.Config, set *streams.Set) (reconcile.Deps, error) {
	list := vendorList(&c)
	v := list[slices.IndexFunc(list, func(v vendor) bool { return v.name == r.Vendor })]
	if why := c.Off()[v.name]; why != "" {
		return reconcile.Deps{}, usageError{errors.New(v.name + " is off: " + why)}
	}
	port, err := v.adapter()
	if err != nil {
		return reconcile.Deps{}, usageError{err}
	}
	lists, ok := port.(vendors.Lister)
	if !ok {
		return reconcile.Deps{}, fmt.Errorf("%s, as it is set here, has no call that lists its users: there is nothing to compare the ledger with", v.name)
	}
	records, err := recordstore.Open(ctx, set.Client, streams.AccountsBucket)
	if err != nil {
		return reconcile.Deps{}, missing(err)
	}
	return reconcile.Deps{
		Name: v.name, Vendor: lists, Records: records, Events: set.Events, Replays: set.Replays, DeadLetters: set.DeadLetters,
		MaxReplays: c.Worker.MaxReplays,
	}, nil
}

// differ is the exit code of a report.
func differ(found reconcile.Report) error {
	if found.Same() {
		return nil
	}
	return silentError{}
}

// tell prints a report.
func (r reconcileCmd) tell(a *app, found reconcile.Report) error {
	found.Differences = r.discreet(found.Differences)
	if r.JSON {
		return writeJSON(a.Stdout, found)
	}
	var rows [][]string
	for _, d := range found.Differences {
		rows = append(rows, []string{string(d.Kind), d.AccountID, d.UserID, d.Email, string(d.Repair), d.Note})
	}
	if len(rows) > 0 {
		if err := a.print([]string{"it is", "account", "user", "e-mail", "repair", "note"}, rows); err != nil {
			return err
		}
	}
	return sum(a, found)
}

// sum tells on standard error how many accounts there are of each kind.
func sum(a *app, found reconcile.Report) error {
	by := map[reconcile.Kind]int{}
	for _, d := range found.Differences {
		by[d.Kind]++
	}
	said := []string{count(found.Agree, "account") + " in agreement"}
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
func (r reconcileCmd) discreet(list []reconcile.Difference) []reconcile.Difference {
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
