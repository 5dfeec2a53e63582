package dead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// replayCmd is usher dead replay.
type replayCmd struct {
	IDs         []string `arg:"" optional:"" name:"id" help:"Vendor and event key, or the start of the key."`
	All         bool     `help:"All that match the filters, oldest first; with --max."`
	Max         int      `help:"With --all: at most N." placeholder:"N"`
	filter      `embed:""`
	DryRun      bool          `help:"Print the outcome of each replay, and send nothing."`
	Rate        float64       `help:"Replays per second; ${default} by default." default:"10" placeholder:"N"`
	Again       time.Duration `help:"Send a replay again if it is in flight for longer than this; ${default} by default." default:"1h" placeholder:"DURATION"`
	Quarantined bool          `help:"Include dead letters sent back worker.max_replays times."`
	app.Actor   `embed:""`
	app.Output  `embed:""`
}

// Help is shown below the flags.
func (replayCmd) Help() string {
	return `Fix the cause first: the data at the vendor, the credentials, the courses in the configuration.
A replay goes to one vendor and keeps the position of its event: newer events win, and finished
effects are not repeated. A dead letter is removed once its replay has succeeded; until then its
state is replaying. An event that fails again is a dead letter again.
After an interrupt, run it again: it goes on with the dead letters not yet sent.

--dry-run reads the records and prints the outcome of each replay: a call of the vendor, superseded,
done already, or still invalid. Run it with the configuration of usher serve.

Examples:
  usher dead replay lead.3fa9
  usher dead replay --all --vendor lead --class exhausted --max 100 --dry-run
  usher dead replay --all --vendor lead --class exhausted --max 100 --rate 2 --reason "LEAD is back"`
}

// Validate returns an error for flags that are incomplete or exclude each other.
func (r replayCmd) Validate() error {
	switch {
	case r.All && len(r.IDs) > 0:
		return errors.New("give IDs or --all, not both")
	case !r.All && len(r.IDs) == 0:
		return errors.New("say what to send back: IDs (see usher dead list), or --all with --max N")
	case r.All && r.Max < 1:
		return errors.New("--all needs --max N, the number to send back at once: if the cause is not fixed, they all fail again")
	case !r.All && (r.Max != 0 || r.filter != filter{}):
		return errors.New("--max, --vendor, --type, --class, --older-than and --newer-than go with --all")
	case !(r.Rate > 0) || r.Again < 0:
		return errors.New("--rate must be above zero, and --again not below")
	default:
		return errors.Join(r.filter.Validate(), r.Actor.Validate())
	}
}

// Run sends the dead letters back, or previews the replays.
func (r replayCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	list, s, err := r.pick(ctx, service)
	if err != nil {
		return err
	}
	if r.DryRun {
		return r.preview(ctx, a, service, list)
	}
	s.verb, s.reason, s.Output = "sent back", r.Reason, r.Output
	done, err := r.send(ctx, a, service, list)
	return errors.Join(s.print(a, done), err)
}

// pick returns the dead letters to send, and the counts of those left out.
func (r replayCmd) pick(ctx context.Context, service *ops.Service) (list []streams.DeadLetter, s replaySummary, err error) {
	if !r.All {
		list, err = service.Find(ctx, r.IDs)
		for _, letter := range list {
			err = errors.Join(err, service.Refusal(letter, r.Again, r.Quarantined))
		}
		if err != nil && list != nil {
			err = fmt.Errorf("nothing was done: %w", err)
		}
		return list, s, app.Advise(err)
	}
	found, err := service.DeadLetters(ctx, r.matches)
	for _, letter := range found {
		switch err := service.Refusal(letter, r.Again, r.Quarantined); {
		case errors.Is(err, ops.ErrOnItsWay):
			s.replaying++
		case err != nil:
			s.quarantined++
		case len(list) == r.Max:
			s.left++
		default:
			list = append(list, letter)
		}
	}
	return list, s, app.Advise(err)
}

// send sends the list back at the rate, and returns the replays sent. A dead letter that has
// changed in the meantime is skipped.
func (r replayCmd) send(ctx context.Context, a *app.App, service *ops.Service, list []streams.DeadLetter) ([]streams.DeadLetter, error) {
	limit := rate.NewLimiter(rate.Limit(r.Rate), 1)
	by := a.Actor(r.Actor)
	bar := output.NewProgress(a.Stderr)
	defer bar.End()
	var sent []streams.DeadLetter
	_, err := each(list, func(letter streams.DeadLetter) error {
		if err := limit.Wait(ctx); err != nil {
			return fmt.Errorf("%w; run it again to go on", app.Interrupted(ctx, err))
		}
		// A replay that has begun is not canceled.
		switch err := service.Replay(context.WithoutCancel(ctx), letter, by); {
		case errors.Is(err, streams.ErrStaleRevision), errors.Is(err, ops.ErrAtFault):
			_, err = fmt.Fprintf(a.Stderr, "%s is skipped: %v\n", letter.ID(), err)
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

// preview prints the outcome that the replay of each of list would have.
func (r replayCmd) preview(ctx context.Context, a *app.App, service *ops.Service, list []streams.DeadLetter) error {
	found, err := service.PreviewReplays(ctx, list)
	if err != nil {
		return app.Advise(err)
	}
	if r.Data() {
		return r.Write(a, found)
	}
	var rows [][]string
	for _, f := range found {
		rows = append(rows, []string{f.ID, f.Type, f.EventID, f.String()})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "no dead letter matches")
		return err
	}
	return r.Rows(a, []string{"ID", "type", "event", "outcome"}, rows)
}
