package dead

import (
	"context"
	"errors"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/streams"
)

// dropCmd is usher dead drop.
type dropCmd struct {
	IDs        []string `arg:"" name:"id" help:"Vendor and event key, or the start of the key."`
	Reason     string   `required:"" help:"The reason, for the log and for usher audit." placeholder:"TEXT"`
	As         string   `help:"Your name, for usher audit; USHER_ACTOR or the user of this machine by default." placeholder:"NAME"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (dropCmd) Help() string {
	return `The event is never carried out at the vendor, and cannot be sent back. A replay in flight goes on.
The reason is stored for usher audit, and logged on standard error with the ID, in every format of
the log.

Examples:
  usher dead drop lead.3fa9 --reason "test user"`
}

// Validate returns an error unless the reason is one line.
func (d dropCmd) Validate() error {
	if plain := output.Plain(d.Reason, ""); len(plain) == 0 || plain != d.Reason {
		return errors.New("--reason must be one line that says why")
	}
	return app.Actor{As: d.As}.Validate()
}

// Run removes the dead letters.
func (d dropCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	log := a.Logger(service.Config.Log)
	list, err := service.Find(ctx, d.IDs)
	if err != nil {
		return app.Advise(err)
	}
	by := a.Actor(app.Actor{As: d.As, Reason: d.Reason})
	done, err := each(list, func(letter streams.DeadLetter) error {
		if err := service.Drop(ctx, letter, by); err != nil {
			return app.Advise(err)
		}
		log.Warn().Str("dead_letter", letter.ID()).Str("type", letter.Type).Str("event", letter.EventID).
			Str("class", letter.Class).Str("reason", d.Reason).Msg("dead letter dropped")
		return nil
	})
	return errors.Join(replaySummary{verb: "dropped", reason: d.Reason, Output: d.Output}.print(a, done), err)
}
