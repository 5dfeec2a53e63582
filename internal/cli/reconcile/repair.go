package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/reconcile"
)

// repair sends the repairs at the rate, and prints the outcome.
func (r Cmd) repair(ctx context.Context, a *app.App, repairs reconcile.Repairs, found reconcile.Report) error {
	by := a.Actor(r.Actor)
	line := output.NewProgress(a.Stderr)
	repairs.Who, repairs.Why, repairs.Max, repairs.Rate = by.Who, by.Why, r.Max, r.Rate
	repairs.Sent = func(n int) { line.Show("accounts sent", n) }
	done, err := repairs.Send(ctx, found)
	line.End()
	if err != nil {
		err = fmt.Errorf("%w; run it again to go on", app.Advise(app.Interrupted(ctx, err)))
	}
	return errors.Join(r.printRepaired(a, found, done), err)
}

// printRepaired prints the repairs and the differences left. Returns app.ErrSilent if differences
// are left.
func (r Cmd) printRepaired(a *app.App, found reconcile.Report, done reconcile.Repaired) error {
	done.Sent, done.Left = r.masked(done.Sent), r.masked(done.Left)
	left := error(nil)
	if len(done.Left) > 0 {
		left = app.ErrSilent
	}
	if r.Data() {
		return errors.Join(r.Write(a, done), left)
	}
	var rows [][]string
	for i, list := range [][]reconcile.Difference{done.Sent, done.Left} {
		for _, d := range list {
			rows = append(rows, []string{[]string{"sent", "left"}[i], string(d.Kind), d.AccountID, d.UserID, d.Email, string(d.Repair), d.Note})
		}
	}
	if len(rows) > 0 {
		if err := r.Advice(a, []string{"", "difference", "account", "user", "e-mail", "repair", "note"}, rows); err != nil {
			return err
		}
	}
	if done.Lost > 0 {
		if _, err := fmt.Fprintf(a.Stderr, "%s cannot be repeated: the events are no longer stored\n", output.Count(done.Lost, "enrollment")); err != nil {
			return err
		}
	}
	return errors.Join(printCounts(a, found), left)
}
