package dead

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/streams"
)

// showCmd is usher dead show.
type showCmd struct {
	ID         string `arg:"" help:"Vendor and event key, or the start of the key."`
	As         string `help:"Your name, for usher audit; USHER_ACTOR or the user of this machine by default." placeholder:"NAME"`
	app.Output `embed:""`
}

// Validate returns an error unless the name is one line.
func (s showCmd) Validate() error { return app.Actor{As: s.As}.Validate() }

// Help is shown below the flags.
func (showCmd) Help() string {
	return `Shows the event as received, personal data included. The look is recorded in the audit log, under your name, and a
line on standard error says so. With --json, the event is the member payload if it is JSON, and payload_base64
otherwise.

Examples:
  usher dead show lead.3fa9
  usher dead show lead.3fa9 --json | jq .payload.data`
}

// letter is a dead letter in JSON, with a readable payload.
type letter struct {
	ID    string `json:"id"`
	State string `json:"state"`
	streams.DeadLetter
	Payload json.RawMessage `json:"payload,omitempty"`
	Base64  []byte          `json:"payload_base64,omitempty"`
}

// Run prints the dead letter.
func (s showCmd) Run(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	list, err := service.Find(ctx, []string{s.ID})
	if err != nil {
		return app.Advise(err)
	}
	if err := service.Reveal(ctx, list[0], a.Actor(app.Actor{As: s.As})); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.Stderr, "the look at personal data is recorded: see usher audit"); err != nil {
		return err
	}
	if !s.Data() {
		return printLetter(a.Stdout, list[0], service.DeadState(list[0]))
	}
	l := letter{ID: list[0].ID(), State: service.DeadState(list[0]), DeadLetter: list[0]}
	if json.Valid(list[0].Payload) && utf8.Valid(list[0].Payload) {
		l.Payload = list[0].Payload
	} else {
		l.Base64 = list[0].Payload
	}
	return s.Write(a, l)
}

// printLetter prints a dead letter for a person.
func printLetter(w io.Writer, d streams.DeadLetter, state string) error {
	if d.Replaying > 0 {
		state += fmt.Sprintf(" since %s, for the %d. time", d.ReplayedAt.UTC().Format(time.RFC3339), d.Replaying)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, fact := range [][2]string{
		{"ID", d.ID()},
		{"vendor", d.Vendor},
		{"type", d.Type},
		{"event", d.EventID},
		{"source", d.Source},
		{"state", state},
		{"class", d.Class},
		{"status", status(d.Status)},
		{"message", d.Message},
		{"pointer", d.Pointer},
		{"rule", d.Rule},
		{"attempts", strconv.Itoa(d.Attempts)},
		{"first try", d.FirstTry.UTC().Format(time.RFC3339)},
		{"last try", d.LastTry.UTC().Format(time.RFC3339)},
		{"sent back", fmt.Sprintf("%d times", d.Replay)},
		{"stream sequence", strconv.FormatUint(d.Seq, 10)},
		{"trace", d.Trace},
		{"subject", d.Subject},
	} {
		if fact[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", fact[0], output.Plain(fact[1], ""))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		fmt.Fprintf(t, "header %s\t%s\n", output.Plain(name, ""), output.Plain(strings.Join(d.Header[name], ", "), ""))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n\nusher dead replay %s   sends it back; a finished effect is not repeated\nusher dead drop %s --reason TEXT   removes it\n",
		payload(d.Payload), d.ID(), d.ID())
	return err
}

// payload returns the body of a message as readable text.
func payload(body []byte) string {
	var pretty bytes.Buffer
	switch {
	case len(body) == 0:
		return "(the message is empty)"
	case !utf8.Valid(body):
		return fmt.Sprintf("(%d bytes, not text: see --json)", len(body))
	case json.Indent(&pretty, body, "", "  ") == nil:
		return output.Plain(pretty.String(), "\n")
	default:
		return output.Plain(string(body), "\n\t")
	}
}
