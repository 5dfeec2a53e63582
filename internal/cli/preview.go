package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/send"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/schemas"
)

// previewCmd is usher preview.
type previewCmd struct {
	Target     string          `arg:"" name:"user|file" help:"A user_id, or a file with events; - is standard input."`
	User       bool            `help:"The argument is a user_id, even if a file has the name."`
	Vendor     app.VendorFlags `help:"Only this vendor. May be repeated." placeholder:"NAME"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (previewCmd) Help() string {
	return `Shows what usher would do for an event at each vendor, and changes nothing: usher checks the event, evaluates
scope and map, reads the record of the user, and looks the user up at the vendor by a client that refuses every call
that may change something. Of such a call usher prints method, path and body, with <email> in place of the e-mail, and
so on. Later calls of the same event depend on the answer, and are not shown.
With a user_id, the event is that of usher resync: the last known data of the user.
A file has one CloudEvent in JSON, a JSON array of events, or one event per line. An event behind a change of the same
account in the file is not looked up: it depends on the change.
NATS and the vendors must be reached from here; usher serve need not run. Run it with the configuration of usher serve.

Examples:
  usher preview event.json
  usher preview ada --vendor miestro
  usher --config new.yaml preview ada
  jq -c '.[]' export.json | usher preview - --json | jq '.[].vendors[] | select(.would == "fail")'`
}

// Validate returns an error for an empty target.
func (p previewCmd) Validate() error {
	if strings.TrimSpace(p.Target) == "" {
		return errors.New("which user or file?")
	}
	return nil
}

// Run prints the preview.
func (p previewCmd) Run(ctx context.Context, a *app.App) error {
	list, isFile, err := p.events(ctx, a)
	if err != nil {
		return err
	}
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	var found []ops.EventPreview
	if isFile {
		found, err = service.PreviewEvents(ctx, list, p.Vendor)
	} else {
		found, err = service.PreviewResync(ctx, p.Target, p.Vendor)
	}
	if err != nil {
		return app.Interrupted(ctx, app.Advise(err))
	}
	if p.Data() {
		return p.Write(a, found)
	}
	return p.print(a, found)
}

// events reads the events of the file. isFile is false for a user_id.
func (p previewCmd) events(ctx context.Context, a *app.App) (list []events.Event, isFile bool, err error) {
	if p.User {
		return nil, false, nil
	}
	var input []byte
	if p.Target == "-" {
		input, err = a.Input(ctx)
	} else {
		input, err = bounded.ReadFile(p.Target, bounded.DataFile)
	}
	switch {
	case errors.Is(err, os.ErrNotExist) && !looksLikeFile(p.Target):
		return nil, false, nil
	case ctx.Err() != nil:
		return nil, true, ctx.Err()
	case err != nil:
		return nil, true, app.Usage(fmt.Errorf("read the events: %w", err))
	}
	set, err := schemas.New()
	if err != nil {
		return nil, true, err
	}
	list, err = send.Read(input, "previewed", set.Validate)
	return list, true, err
}

// looksLikeFile reports whether a name is meant as that of a file.
func looksLikeFile(name string) bool {
	for _, end := range []string{".json", ".jsonl", ".ndjson"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return strings.HasPrefix(name, "/") || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../")
}

func (p previewCmd) print(a *app.App, found []ops.EventPreview) error {
	var rows [][]string
	for _, e := range found {
		for _, v := range e.Vendors {
			rows = append(rows, []string{masking.ID(e.UserID), e.Type, v.Vendor, v.Would, v.Detail()})
			for _, r := range v.Requests {
				rows = append(rows, []string{"", "", "", "", r.String()})
			}
		}
	}
	return p.Advice(a, []string{"user", "type", "vendor", "would", "detail"}, rows)
}

// resyncCmd is usher resync.
type resyncCmd struct {
	ID         string          `arg:"" help:"The user_id of the events."`
	Vendor     app.VendorFlags `help:"Only this vendor. May be repeated." placeholder:"NAME"`
	DryRun     bool            `help:"Print the consequences, and send nothing: the same as usher preview ID."`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (resyncCmd) Help() string {
	return `Sends the last known data of a user again, so that each vendor holds what the rules say: after a change of scope or
map, or a change by hand at the vendor. An account that is missing in the records is created, or found and adopted.
Each vendor gets events of its own, with new ids, exactly once. A newer event of the user wins. A deleted user stays
deleted. Enrolments are not repeated.
The data is that of the profile, and of the stored events of the user. usher serve carries the events out.

Examples:
  usher resync ada --dry-run
  usher resync ada --reason "the name was changed by hand"
  usher resync ada --vendor miestro && usher results --user ada`
}

// Validate returns an error for an empty id.
func (r resyncCmd) Validate() error {
	if strings.TrimSpace(r.ID) == "" {
		return errors.New("which user? Give the user_id")
	}
	return r.Actor.Validate()
}

// Run sends the events, or previews them.
func (r resyncCmd) Run(ctx context.Context, a *app.App) error {
	if r.DryRun {
		return previewCmd{Target: r.ID, User: true, Vendor: r.Vendor, Output: r.Output}.Run(ctx, a)
	}
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	sent, err := service.Resync(context.WithoutCancel(ctx), r.ID, r.Vendor, a.Actor(r.Actor))
	if r.Data() {
		return errors.Join(r.Write(a, sent), app.Advise(err))
	}
	var rows [][]string
	for _, one := range sent {
		rows = append(rows, []string{one.Vendor, one.Type, one.EventID, time.Now().UTC().Format(time.RFC3339)})
	}
	return errors.Join(r.Rows(a, []string{"vendor", "type", "event", "sent"}, rows), app.Advise(err))
}
