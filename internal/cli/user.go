package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

type userCmd struct {
	ID   string `arg:"" help:"The user_id, as the events have it."`
	JSON bool   `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (userCmd) Help() string {
	return `Tells why Ada is, or is not, in the LMS: her account at each vendor, and what every event of hers came to:
done, waiting (for what, when it is tried next), or a dead letter.
It reads the records, the history, the dead letters, and each event by its position: as fast with a million
events as with ten. The history of an account is kept for nats.history_max_age, activity for
nats.effects_ttl; for what is older: usher results --user ID.
Not told: what no vendor has taken up yet, and what none takes part in. An event whose vendor is off
leaves nothing until that is on: see usher config check.

Examples:
  usher user ada
  usher user ada --json | jq '.events[] | select(.state == "waiting")'`
}

// Validate refuses what nobody's id is.
func (u userCmd) Validate() error {
	if strings.TrimSpace(u.ID) == "" {
		return errors.New("the user_id is empty")
	}
	return nil
}

// Run tells the story.
func (u userCmd) Run(ctx context.Context, a *app.App) error {
	d, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	s, err := d.Story(ctx, u.ID)
	if err != nil {
		return app.Advise(err)
	}
	if u.JSON {
		return output.JSON(a.Stdout, s)
	}
	return tellStory(a, s)
}

func tellStory(a *app.App, s ops.Story) error {
	switch {
	case len(s.Accounts)+len(s.Events) > 0:
	case !s.Forgotten.IsZero():
		_, err := fmt.Fprintf(a.Stderr, "forgotten at %s, by usher forget: nothing is known any more\n", s.Forgotten.UTC().Format(time.RFC3339))
		return err
	default:
		_, err := fmt.Fprintf(a.Stderr, "no vendor was ever asked for anything about %s; is that the user_id of the events?\n", output.Plain(s.UserID, ""))
		return err
	}
	if err := tellAccounts(a, s); err != nil {
		return err
	}
	if s.More > 0 {
		if _, err := fmt.Fprintf(a.Stdout, "%d older effects are not told\n", s.More); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, e := range s.Events {
		rows = append(rows, []string{e.Time.UTC().Format(time.RFC3339), e.Type, e.EventID, e.Vendor, e.State, fmt.Sprint(e.Attempts), said(e)})
	}
	if len(rows) == 0 {
		return nil
	}
	return output.Rows(a.Stdout, []string{"first taken up", "type", "event", "vendor", "state", "attempts", "why"}, rows)
}

// tellAccounts says how the user's accounts stand, and which vendors are on hold.
func tellAccounts(a *app.App, s ops.Story) error {
	var rows [][]string
	for _, at := range s.Accounts {
		rows = append(rows, []string{at.Vendor, at.State, at.ID, fmt.Sprint(len(at.Courses))})
	}
	if len(rows) > 0 {
		if err := output.Rows(a.Stdout, []string{"vendor", "account", "id", "courses"}, rows); err != nil {
			return err
		}
	}
	for _, vendor := range slices.Sorted(maps.Keys(s.Holds)) {
		since := s.Holds[vendor].Since.UTC().Format(time.RFC3339)
		if _, err := fmt.Fprintf(a.Stdout, "%s is on hold since %s: what came later may not be told yet\n", vendor, since); err != nil {
			return err
		}
	}
	return nil
}

// said is why an effect stands as it does, and what to look at.
func said(e ops.StoryEvent) string {
	var said []string
	if e.Why != "" {
		said = append(said, e.Why)
	}
	if e.Until != nil {
		said = append(said, "next try at "+e.Until.UTC().Format(time.RFC3339))
	}
	if e.GivenUp != nil {
		said = append(said, "given up at "+e.GivenUp.UTC().Format(time.RFC3339))
	}
	if e.Dead != "" {
		said = append(said, "usher dead show "+e.Dead)
	}
	return strings.Join(said, "; ")
}
