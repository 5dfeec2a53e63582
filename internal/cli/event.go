package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/ops"
)

// eventCmd is usher event.
type eventCmd struct {
	ID     string `arg:"" help:"The id of the event."`
	Source string `help:"Only an event of this source." placeholder:"SOURCE"`
	User   string `help:"The user_id of the event: the history leads to the event, and no stream is searched." placeholder:"ID"`
	Long   bool   `help:"Print hashes, and times to the second."`

	app.Output `embed:""`
}

// Help is shown below the flags.
func (eventCmd) Help() string {
	return `Shows one event as received, with e-mail addresses and telephone numbers masked, and what became of it at every
vendor. Without --user usher reads the stream of events for the id: a million events take some ten seconds.
The exit code is 1 if no event has the id.

Examples:
  usher event order-4711
  usher event order-4711 --source /school --user ada
  usher event order-4711 --json | jq '.[].vendors[] | {vendor, state, why}'`
}

// Validate returns an error for an empty id.
func (e eventCmd) Validate() error {
	if strings.TrimSpace(e.ID) == "" {
		return errors.New("which event? Give its id")
	}
	return nil
}

// Run prints the events with the id.
func (e eventCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	progress := output.NewProgress(a.Stderr)
	found, err := service.FindEvent(ctx, ops.EventQuery{ID: e.ID, Source: e.Source, UserID: e.User, Progress: progress.Show})
	progress.End()
	switch {
	case err != nil:
		return app.Interrupted(ctx, app.Advise(err))
	case len(found.Events) == 0:
		return notFound(e.ID, found)
	case e.Data():
		return e.writeAll(a, found.Events)
	}
	p := newUserPrinter(a, e.Output, e.Long)
	for i, v := range found.Events {
		if i > 0 {
			_, _ = fmt.Fprintln(a.Stdout)
		}
		if err := p.event(v); err != nil {
			return err
		}
	}
	if len(found.Events) > 1 {
		a.Remark(fmt.Sprintf("%d events have this id; --source chooses one", len(found.Events)))
	}
	return nil
}

// notFound returns the error for an unknown id, with other places to look at.
func notFound(id string, found ops.EventSearch) error {
	text := fmt.Sprintf("no event with the id %s is stored in %s (%s read)", output.Plain(id, ""), found.By, output.Count(found.Searched, "event"))
	if len(found.Letters) > 0 {
		return fmt.Errorf("%s, but its dead letter is: usher dead show %s", text, found.Letters[0].ID())
	}
	return fmt.Errorf("%s: it was never stored, or left the stream (nats.events_max_age); look at usher results --event %s, and at the answers that the producer got",
		text, output.Plain(id, ""))
}

// writeAll writes the events with masked payloads.
func (e eventCmd) writeAll(a *app.App, list []ops.EventView) error {
	type masked struct {
		ops.EventView
		Payload json.RawMessage `json:"payload,omitempty"`
	}
	out := make([]masked, len(list))
	for i, v := range list {
		out[i].EventView = v
		if text := []byte(masking.JSON(v.Payload)); json.Valid(text) {
			out[i].Payload = text
		}
	}
	return e.Write(a, out)
}

// event prints an event and its outcomes.
func (p userPrinter) event(v ops.EventView) error {
	facts := [][]string{{"event", v.EventID}, {"source", v.Source}, {"type", v.Type}, {"user", masking.ID(v.UserID)}, {"stored", p.clock(v.Stored)}}
	if !v.Time.IsZero() {
		facts = append(facts, []string{"sent", p.clock(v.Time)})
	}
	if v.Trace != "" {
		facts = append(facts, []string{"trace", v.Trace})
	}
	if p.long {
		facts = append(facts, []string{"key", v.Key}, []string{"sequence", fmt.Sprint(v.Seq)})
	}
	if err := p.Rows(p.App, nil, facts); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.Stdout, output.Plain(maskedPayload(v.Payload), "\n")); err != nil {
		return err
	}
	if len(v.Vendors) == 0 {
		_, err := fmt.Fprintln(p.Stdout, "no vendor takes part in the event")
		return err
	}
	var rows [][]string
	for _, e := range v.Vendors {
		at := ""
		if e.Ended != nil {
			at = p.clock(*e.Ended)
		}
		rows = append(rows, []string{e.Vendor, e.State, fmt.Sprint(e.Attempts), at, p.reason(e)})
	}
	return p.Advice(p.App, []string{"vendor", "state", "attempts", "ended", "why"}, rows)
}

// maskedPayload returns a payload as readable text, masked.
func maskedPayload(payload []byte) string {
	var pretty bytes.Buffer
	if json.Indent(&pretty, payload, "", "  ") == nil {
		payload = pretty.Bytes()
	}
	return masking.JSON(payload)
}
