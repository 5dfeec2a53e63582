package dead

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// replayCmd is usher dead replay.
type replayCmd struct {
	IDs         []string `arg:"" optional:"" name:"id" help:"Vendor and event key, or the start of the key."`
	All         bool     `help:"All that match the filters, oldest first; with --max."`
	Max         int      `help:"With --all: at most N." placeholder:"N"`
	filter      `embed:""`
	DryRun      bool          `help:"Print the outcome of each replay, and the command that sends the same dead letters. Nothing is sent."`
	Wait        bool          `help:"Wait until every replay has ended. Exit code 1 if one has failed."`
	Rate        float64       `help:"Replays per second; ${default} by default." default:"10" placeholder:"N"`
	Again       time.Duration `help:"Send a replay again if it is in flight for longer than this; ${default} by default." default:"1h" placeholder:"DURATION"`
	Quarantined bool          `help:"Include dead letters sent back worker.max_replays times."`
	app.Actor   `embed:""`
	app.Output  `embed:""`
}

// Help is shown below the flags.
func (replayCmd) Help() string {
	return `Fix the cause first: the data at the vendor, the credentials, the courses in the configuration.
A replay goes to one vendor, or with a dead letter of events to all vendors that are on, and keeps the
position of its event: newer events win, and finished effects are not repeated. A dead letter is removed
once its replay has succeeded; until then its state is replaying. A dead letter of events is removed at
once. An event that fails again is a dead letter again.
After an interrupt, run it again: it goes on with the dead letters not yet sent. --wait follows the
replays to their ends, as long as it takes: a paused vendor or a vendor on hold ends none.

--dry-run reads the records and prints the outcome of each replay: a call of the vendor, superseded,
done already, or still invalid. Run it with the configuration of usher serve.

Examples:
  usher dead replay lead.3fa9 meiro.77c0
  usher dead replay --all --vendor lead --class exhausted --max 100 --dry-run
  usher dead replay --all --vendor lead --class exhausted --max 100 --rate 2 --reason "LEAD is back"
  usher dead replay --all --cause invalid:course:go-101 --max 1000 --wait`
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
	case !r.All && (r.Max != 0 || !r.empty()):
		return errors.New("--max and the filters, such as --vendor and --cause, go with --all")
	case r.DryRun && r.Wait:
		return errors.New("give --dry-run or --wait, not both: a dry run sends nothing")
	case !(r.Rate > 0) || r.Again < 0:
		return errors.New("--rate must be above zero, and --again not below")
	default:
		return errors.Join(r.filter.Validate(), r.Actor.Validate())
	}
}

// Run sends the dead letters back, or previews the replays.
func (r replayCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
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
	if err == nil && r.Wait {
		return r.follow(ctx, a, service, s, done)
	}
	return errors.Join(s.print(a, done), err)
}

// follow waits for the ends of the replays, and prints the ends.
func (r replayCmd) follow(ctx context.Context, a *app.App, service *ops.Service, s replaySummary, sent []streams.DeadLetter) error {
	bar := output.NewProgress(a.Stderr)
	var quiet stall
	ends, err := service.Follow(ctx, sent, func(ended, _ int) {
		bar.Of(ended, len(sent))
		if ended < len(sent) && quiet.begins(ended) {
			bar.End()
			explain(ctx, a, service, sent)
		}
	})
	bar.End()
	if err != nil {
		err = app.Interrupted(ctx, err)
	}
	return errors.Join(s.printEnds(a, sent, ends), err)
}

// stallCalls is the number of looks without a further end after which the obstacles are named.
const stallCalls = 5

// stall counts the looks since the last end of a replay.
type stall struct{ ended, calls int }

// begins reports whether a stall begins with this look: once between two ends.
func (s *stall) begins(ended int) bool {
	if ended != s.ended {
		*s = stall{ended: ended}
	}
	s.calls++
	return s.calls == stallCalls
}

// explain names the reasons why the replays do not end.
func explain(ctx context.Context, a *app.App, service *ops.Service, sent []streams.DeadLetter) {
	status, err := service.Status(ctx)
	if err != nil {
		return // the next look reports the error
	}
	var names []string
	for _, letter := range sent {
		names = append(names, letter.Vendor)
	}
	for _, reason := range status.Obstacles(names) {
		_, _ = fmt.Fprintln(a.Stderr, "replays wait: "+output.Plain(reason, ""))
	}
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
	found, err := service.Letters(ctx, r.selected())
	for _, one := range found {
		letter := one.DeadLetter
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
		rows = append(rows, []string{f.ID, f.Type, masking.ID(f.UserID), f.EventID, f.String()})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "no dead letter matches")
		return err
	}
	if err := r.Advice(a, []string{"ID", "type", "user", "event", "outcome"}, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stderr, "%s; nothing was sent; to send the same: %s\n", output.Count(len(rows), "dead letter"), r.command())
	return err
}

// command returns the command that sends the dead letters of a dry run.
func (r replayCmd) command() string {
	words := []string{"usher dead replay"}
	for _, id := range r.IDs {
		words = append(words, quoted(id))
	}
	if r.All {
		words = append(words, "--all", "--max", strconv.Itoa(r.Max))
	}
	words = append(words, r.flags()...)
	if r.Quarantined {
		words = append(words, "--quarantined")
	}
	if r.Again != defaultAgain {
		words = append(words, "--again", r.Again.String())
	}
	if r.Reason != "" {
		words = append(words, "--reason", quoted(r.Reason))
	}
	return strings.Join(words, " ")
}

// defaultAgain is the default of --again.
const defaultAgain = time.Hour
