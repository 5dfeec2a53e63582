package dead

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// dropCmd is usher dead drop.
type dropCmd struct {
	IDs        []string `arg:"" optional:"" name:"id" help:"Vendor and event key, or the start of the key."`
	All        bool     `help:"All that match the filters."`
	filter     `embed:""`
	Yes        bool   `help:"With --all: drop without a question."`
	Reason     string `required:"" help:"The reason, for the log and for usher audit." placeholder:"TEXT"`
	As         string `help:"Your name, for usher audit; USHER_ACTOR or the user of this machine by default." placeholder:"NAME"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (dropCmd) Help() string {
	return `The event is never carried out at the vendor, and cannot be sent back. A replay in flight goes on.
The reason is stored for usher audit, and logged on standard error with the ID, in every format of
the log. --all shows the number of dead letters by cause, and asks first; without a terminal it needs
--yes. After an interrupt, run it again: it goes on with the dead letters that are left.

Examples:
  usher dead drop lead.3fa9 meiro.77c0 --reason "test user"
  usher dead drop --all --cause invalid:course:go-101 --reason "go-101 was a test"
  usher dead drop --all --vendor lead --vendor meiro --class exhausted --reason "both are gone"
  usher dead drop --all --class invalid --older-than 720h --yes --reason "sent again under new ids"`
}

// Validate returns an error for flags that are incomplete or exclude each other.
func (d dropCmd) Validate() error {
	switch plain := output.Plain(d.Reason, ""); {
	case len(plain) == 0 || plain != d.Reason:
		return errors.New("--reason must be one line that says why")
	case d.All && len(d.IDs) > 0:
		return errors.New("give IDs or --all, not both")
	case !d.All && len(d.IDs) == 0:
		return errors.New("say what to drop: IDs (see usher dead list), or --all with filters")
	case !d.All && (d.Yes || !d.empty()):
		return errors.New("--yes and the filters, such as --vendor and --cause, go with --all")
	}
	return errors.Join(d.filter.Validate(), app.Actor{As: d.As}.Validate())
}

// pick returns the dead letters to drop, after a confirmation.
func (d dropCmd) pick(ctx context.Context, a *app.App, service *ops.Service) (list []streams.DeadLetter, err error) {
	if !d.All {
		list, err = service.Find(ctx, d.IDs)
		return list, app.Advise(err)
	}
	found, err := service.Letters(ctx, d.selected())
	if err != nil || len(found) == 0 {
		return nil, app.Advise(err)
	}
	for _, l := range found {
		list = append(list, l.DeadLetter)
	}
	return list, d.confirm(ctx, a, found)
}

// confirm shows the numbers by cause and asks. Without a terminal, --yes is needed.
func (d dropCmd) confirm(ctx context.Context, a *app.App, list []ops.Letter) error {
	if d.Yes {
		return nil
	}
	for _, g := range ops.Groups(list) {
		if _, err := fmt.Fprintf(a.Stderr, "%6d  %s  %s\n", g.Letters, g.Cause.Key, output.Plain(g.Cause.Text, "")); err != nil {
			return err
		}
	}
	number := output.Count(len(list), "dead letter")
	if in, ok := a.Stdin.(*os.File); !ok || !output.IsTerminal(in) {
		return app.Usage(fmt.Errorf("nothing was done: %s would be dropped, and nobody can be asked here: say --yes", number))
	}
	yes, err := app.Ask(ctx, a.Stdin, a.Stderr, "Drop "+number+" for good?")
	if err == nil && !yes {
		err = errors.New("nothing was done")
	}
	return err
}

// Run removes the dead letters.
func (d dropCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	log := a.Logger(service.Config.Log)
	list, err := d.pick(ctx, a, service)
	if err != nil {
		return err
	}
	bar, dropped := output.NewProgress(a.Stderr), 0
	defer bar.End()
	by := a.Actor(app.Actor{As: d.As, Reason: d.Reason})
	done, err := each(list, func(letter streams.DeadLetter) error {
		if ctx.Err() != nil {
			return app.Interrupted(ctx, ctx.Err())
		}
		if err := service.Drop(context.WithoutCancel(ctx), letter, by); err != nil {
			return app.Advise(err)
		}
		dropped++
		bar.Of(dropped, len(list))
		log.Warn().Str("dead_letter", letter.ID()).Str("type", letter.Type).Str("event", letter.EventID).
			Str("class", letter.Class).Str("reason", d.Reason).Msg("dead letter dropped")
		return nil
	})
	return errors.Join(replaySummary{verb: "dropped", reason: d.Reason, Output: d.Output}.print(a, done), err)
}
