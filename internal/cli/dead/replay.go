package dead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

type replayCmd struct {
	IDs         []string `arg:"" optional:"" name:"id" help:"Vendor and event key, or the first part of it."`
	All         bool     `help:"All that fit, oldest first; with --max."`
	Max         int      `help:"With --all: this many at most." placeholder:"N"`
	filter      `embed:""`
	DryRun      bool          `help:"Say what would become of each, and send nothing."`
	Rate        float64       `help:"So many a second; ${default} by default." default:"10" placeholder:"N"`
	Again       time.Duration `help:"Send again what has been on its way for longer than this; ${default} by default." default:"1h" placeholder:"DURATION"`
	Quarantined bool          `help:"Those too that were sent back worker.max_replays times."`
	app.Actor   `embed:""`
	JSON        bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (replayCmd) Help() string {
	return `Mend the cause first: the vendor's data, the credentials, the courses in the configuration.
A replay goes to its one vendor, with its first place in the order of events, so what is
newer stays, and what was done already is not done again. A dead letter leaves when its replay has
ended well; until then it is shown as replaying. What fails again is a dead letter again.
Interrupt it and run it again: it goes on with those that were not sent.

--dry-run asks the ledger what would become of each by itself: would the vendor be called, or is it
superseded, done already, or still at fault? Run it with the configuration of usher serve.

Examples:
  usher dead replay lead.3fa9
  usher dead replay --all --vendor lead --class exhausted --max 100 --dry-run
  usher dead replay --all --vendor lead --class exhausted --max 100 --rate 2 --reason "LEAD is back"`
}

// Validate refuses a use that does not say what is meant.
func (r replayCmd) Validate() error {
	switch {
	case r.All && len(r.IDs) > 0:
		return errors.New("give IDs or --all, not both")
	case !r.All && len(r.IDs) == 0:
		return errors.New("say what to send back: IDs (see usher dead list), or --all with --max N")
	case r.All && r.Max < 1:
		return errors.New("--all needs --max N, the most that are sent back at once: after a fault that is not mended they all fail again")
	case !r.All && (r.Max != 0 || r.filter != filter{}):
		return errors.New("--max, --vendor, --type, --class, --older-than and --newer-than go with --all")
	case !(r.Rate > 0) || r.Again < 0:
		return errors.New("--rate must be above zero, and --again not below")
	default:
		return errors.Join(r.filter.Validate(), r.Actor.Validate())
	}
}

// Run sends them back, or says what would become of them.
func (r replayCmd) Run(ctx context.Context, a *app.App) error {
	d, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	list, t, err := r.pick(ctx, d)
	if err != nil {
		return err
	}
	if r.DryRun {
		return r.preview(ctx, a, d, list)
	}
	t.verb, t.reason, t.json = "sent back", r.Reason, r.JSON
	done, err := r.send(ctx, a, d, list)
	return errors.Join(t.told(a, done), err)
}

// pick returns the dead letters that are to be sent, and notes which are not.
func (r replayCmd) pick(ctx context.Context, d *ops.Desk) (list []bus.DeadLetter, t toll, err error) {
	if !r.All {
		list, err = d.Find(ctx, r.IDs)
		for _, letter := range list {
			err = errors.Join(err, d.Refusal(letter, r.Again, r.Quarantined))
		}
		if err != nil && list != nil {
			err = fmt.Errorf("nothing was done: %w", err)
		}
		return list, t, app.Advise(err)
	}
	found, err := d.DeadLetters(ctx, r.fits)
	for _, letter := range found {
		switch err := d.Refusal(letter, r.Again, r.Quarantined); {
		case errors.Is(err, ops.ErrOnItsWay):
			t.replaying++
		case err != nil:
			t.quarantined++
		case len(list) == r.Max:
			t.left++
		default:
			list = append(list, letter)
		}
	}
	return list, t, app.Advise(err)
}

// send sends the list back at the rate, each written down first, and returns
// those that were sent. One that changed meanwhile is passed over.
func (r replayCmd) send(ctx context.Context, a *app.App, d *ops.Desk, list []bus.DeadLetter) ([]bus.DeadLetter, error) {
	limit := rate.NewLimiter(rate.Limit(r.Rate), 1)
	by := a.Actor(r.Actor)
	bar := output.NewProgress(a.Stderr)
	defer bar.End()
	var sent []bus.DeadLetter
	_, err := each(list, func(letter bus.DeadLetter) error {
		if err := limit.Wait(ctx); err != nil {
			return fmt.Errorf("%w; run it again to go on", app.Interrupted(ctx, err))
		}
		// What has begun comes to its end.
		switch err := d.Replay(context.WithoutCancel(ctx), letter, by); {
		case errors.Is(err, bus.ErrMoved), errors.Is(err, ops.ErrAtFault):
			_, err = fmt.Fprintf(a.Stderr, "%s is passed over: %v\n", letter.ID(), err)
			return err
		case err != nil:
			return app.Advise(err)
		}
		sent = append(sent, letter)
		bar.Of(len(sent), len(list))
		return nil
	})
	return sent, err
}
