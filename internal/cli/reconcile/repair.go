package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/reconcile"
)

// repairs holds the differences of a comparison, and the parts needed for repairs.
type repairs struct {
	*bus.Bus
	source string
	deps   reconcile.Deps
	found  reconcile.Report
}

// repaired is the outcome of the repairs.
type repaired struct {
	Vendor string                 `json:"vendor"`
	Sent   []reconcile.Difference `json:"sent"` // still differences until usher serve has carried them out
	Left   []reconcile.Difference `json:"left"`
	Lost   int                    `json:"enrollments_lost,omitempty"` // enrolments without a stored event
	Reason string                 `json:"reason,omitempty"`
}

// repair sends the repairs at the rate, and prints the outcome.
func (r Cmd) repair(ctx context.Context, a *app.App, g repairs) error {
	limit := rate.NewLimiter(rate.Limit(r.Rate), 1)
	line := output.NewProgress(a.Stderr)
	done := repaired{Vendor: string(r.Vendor), Sent: []reconcile.Difference{}, Left: []reconcile.Difference{}, Reason: r.Reason}
	var failed error
	for _, d := range g.found.Differences {
		if d.Repair == "" || len(done.Sent) == r.Max || failed != nil {
			done.Left = append(done.Left, d)
			continue
		}
		var lost int
		err := limit.Wait(ctx)
		if err == nil { // a repair that has begun is not canceled
			lost, err = g.send(context.WithoutCancel(ctx), a.Action(bus.AccountRepaired, r.Actor), d)
		}
		switch {
		case err == nil:
			done.Lost += lost
			done.Sent = append(done.Sent, d)
			line.Show("accounts sent", len(done.Sent))
			continue
		case errors.Is(err, reconcile.ErrChanged), errors.Is(err, bus.ErrMoved):
			d.Note = "skipped: " + err.Error()
		default:
			failed = fmt.Errorf("account %s: %w; run it again to go on", d.AccountID, app.Advise(app.Interrupted(ctx, err)))
		}
		done.Left = append(done.Left, d)
	}
	line.End()
	return errors.Join(r.printRepaired(a, g.found, done), failed)
}

// send stores the action and sends the events that repair one difference. Returns the number of
// enrolments without a stored event.
func (g repairs) send(ctx context.Context, act bus.Action, d reconcile.Difference) (lost int, err error) {
	p, err := reconcile.PlanFor(ctx, g.deps, d)
	if err != nil {
		return 0, err
	}
	act.Vendor, act.Account = g.deps.Name, d.AccountID
	if p.Letter != nil {
		act.Type, act.Key, act.EventID, act.Replay = p.Letter.Type, p.Letter.Key, p.Letter.EventID, p.Letter.Replay+1
		if err := g.Audit(ctx, g.source, act); err != nil {
			return 0, err
		}
		return 0, g.Replay(ctx, *p.Letter)
	}
	for _, repair := range p.Repairs {
		act.At, act.Type, act.Key, act.EventID, act.Replay = time.Now().UTC(), repair.Event.Type(), repair.Key(), repair.Event.ID(), repair.Replay
		if err := g.Audit(ctx, g.source, act); err != nil {
			return 0, err
		}
		if err := g.Repair(ctx, repair); err != nil {
			return 0, err
		}
	}
	return p.Lost, nil
}

// printRepaired prints the repairs and the differences left. Returns app.ErrSilent if differences
// are left.
func (r Cmd) printRepaired(a *app.App, found reconcile.Report, done repaired) error {
	done.Sent, done.Left = r.masked(done.Sent), r.masked(done.Left)
	left := error(nil)
	if len(done.Left) > 0 {
		left = app.ErrSilent
	}
	if r.JSON {
		return errors.Join(output.JSON(a.Stdout, done), left)
	}
	var rows [][]string
	for i, list := range [][]reconcile.Difference{done.Sent, done.Left} {
		for _, d := range list {
			rows = append(rows, []string{[]string{"sent", "left"}[i], string(d.Kind), d.AccountID, d.UserID, d.Email, string(d.Repair), d.Note})
		}
	}
	if len(rows) > 0 {
		if err := output.Rows(a.Stdout, []string{"", "difference", "account", "user", "e-mail", "repair", "note"}, rows); err != nil {
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
