package dead

import (
	"context"
	"errors"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
)

type dropCmd struct {
	IDs    []string `arg:"" name:"id" help:"Vendor and event key, or the first part of it."`
	Reason string   `required:"" help:"Why, for the log and for usher audit." placeholder:"TEXT"`
	As     string   `help:"Who does it, for usher audit; else USHER_ACTOR, or the user of this machine." placeholder:"NAME"`
	JSON   bool     `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (dropCmd) Help() string {
	return `The event is then never carried out at that vendor, and cannot be sent back; a replay that is
on its way goes on. The reason is kept for usher audit, and logged on standard error with the ID,
in every format of the log.

Examples:
  usher dead drop lead.3fa9 --reason "test user"`
}

// Validate refuses a reason that is none.
func (d dropCmd) Validate() error {
	if plain := output.Plain(d.Reason, ""); len(plain) == 0 || plain != d.Reason {
		return errors.New("--reason must be one line that says why")
	}
	return app.Actor{As: d.As}.Validate()
}

// Run removes them.
func (d dropCmd) Run(ctx context.Context, a *app.App) error {
	desk, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	log := a.Logger(desk.Config.Log)
	list, err := desk.Find(ctx, d.IDs)
	if err != nil {
		return app.Advise(err)
	}
	by := a.Actor(app.Actor{As: d.As, Reason: d.Reason})
	done, err := each(list, func(letter bus.DeadLetter) error {
		if err := desk.Drop(ctx, letter, by); err != nil {
			return app.Advise(err)
		}
		log.Warn().Str("dead_letter", letter.ID()).Str("type", letter.Type).Str("event", letter.EventID).
			Str("class", letter.Class).Str("reason", d.Reason).Msg("dead letter dropped")
		return nil
	})
	return errors.Join(toll{verb: "dropped", reason: d.Reason, json: d.JSON}.told(a, done), err)
}
