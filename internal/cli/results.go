package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/streams"
)

// resultsCmd is usher results.
type resultsCmd struct {
	Follow     bool            `short:"f" help:"Wait for further results at the end."`
	Vendor     app.VendorFlags `help:"Only of this vendor. May be repeated." placeholder:"NAME"`
	Type       string          `help:"Only of this type: of the result, or of its event." placeholder:"TYPE"`
	Outcome    string          `help:"Only with this outcome: done, already_done, superseded, unsupported, skipped or failed." placeholder:"OUTCOME"`
	Action     string          `help:"Only with this action, such as created or adopted." placeholder:"ACTION"`
	User       string          `help:"Only of this user." placeholder:"ID"`
	Course     string          `help:"Only of enrolments in this course, by your id of the course." placeholder:"ID"`
	Event      string          `help:"Only of the event with this id." placeholder:"ID"`
	Since      app.Since       `help:"Only since then: 24h, 7d, 2026-03-01 or 2026-03-01T10:00:00Z." placeholder:"TIME"`
	Limit      int             `help:"End after N results." placeholder:"N"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (resultsCmd) Help() string {
	return `One row per result, oldest first: time, type, vendor, outcome, user, attempts, time taken, and
error or step (created, adopted by email, updated, …; see docs/concepts.md). A table shows attempts and time only of failures and of more than one attempt.
In JSON, each result is the published CloudEvent, one per line.
An event that was sent again may publish its result again, with the same id: the result is printed once.

Examples:
  usher results --since 1h --outcome failed
  usher results --follow --vendor lead
  usher results --action adopted
  usher results --course go-101 --outcome failed --since 7d
  usher results --event 4711 --json | jq .data`
}

// Validate returns an error for filters that no result can match.
func (r resultsCmd) Validate() error {
	outcomes := []string{"", events.Done, events.AlreadyDone, events.Superseded, events.Unsupported, events.Skipped, events.Failed}
	var faults []error
	if !slices.Contains(outcomes, r.Outcome) {
		faults = append(faults, fmt.Errorf("there is no outcome %s: want one of %s", r.Outcome, strings.Join(outcomes[1:], ", ")))
	}
	if r.Type != "" && r.types() == nil {
		faults = append(faults, fmt.Errorf("there is no type %s: want one of %s, %s", r.Type,
			strings.Join(events.Types(), ", "), strings.Join(events.ResultTypes(), ", ")))
	}
	if r.Limit < 0 {
		faults = append(faults, errors.New("--limit cannot be negative"))
	}
	return errors.Join(faults...)
}

// types returns the result types matched by --type and --course; nil for all, or for an unknown type.
func (r resultsCmd) types() []string {
	if r.Type == "" && r.Course != "" {
		return events.CourseResultTypes()
	}
	if slices.Contains(events.ResultTypes(), r.Type) {
		return []string{r.Type}
	}
	if !slices.Contains(events.Types(), r.Type) {
		return nil
	}
	var types []string
	for _, outcome := range []string{events.Done, events.Failed, events.Superseded} {
		types = append(types, events.ResultType(r.Type, outcome))
	}
	return types
}

// recentIDs is the number of results whose ids are kept, to print a repeated result once.
const recentIDs = 100_000

// Run prints the matching results.
func (r resultsCmd) Run(ctx context.Context, a *app.App) error {
	_, set, end, err := a.ConnectAlone(ctx)
	if err != nil {
		return err
	}
	defer end()
	query := streams.ResultsQuery{Vendors: slices.Compact(slices.Sorted(slices.Values(r.Vendor))), Types: r.types(), Since: r.Since.Time, Follow: r.Follow}
	if r.Follow {
		a.Remark("waiting for further results; Ctrl-C ends")
	}
	printed, err := lru.New[string, struct{}](recentIDs)
	if err != nil {
		return err
	}
	n := 0
	for result, err := range set.Results.List(ctx, query) {
		switch {
		case r.Follow && ctx.Err() != nil: // the end of a follower
			return nil
		case err != nil:
			return app.Advise(err)
		case !r.matches(result.Event, result.Data):
			continue
		}
		if again, _ := printed.ContainsOrAdd(result.Event.ID(), struct{}{}); again {
			continue
		}
		if n == 0 {
			if err := r.Head(a, []string{"time", "type", "vendor", "outcome", "user", "step"}, resultWidths); err != nil {
				return err
			}
		}
		if err := r.print(a, result.Event, result.Data); err != nil {
			return err
		}
		if n++; n == r.Limit {
			return nil
		}
	}
	if n == 0 {
		a.Remark("no results")
	}
	return nil
}

func (r resultsCmd) matches(e events.Event, result events.Result) bool {
	return (r.Outcome == "" || r.Outcome == result.Outcome) &&
		(r.Action == "" || r.Action == result.Action) &&
		(r.User == "" || r.User == e.Subject()) &&
		(r.Course == "" || r.Course == result.CourseID) &&
		(r.Event == "" || r.Event == result.Event.ID)
}

// print prints a result.
func (r resultsCmd) print(a *app.App, e events.Event, result events.Result) error {
	if r.Data() {
		return r.CloudEvent(a, e)
	}
	took, step := time.Duration(result.TookMS)*time.Millisecond, result.Step()
	if result.Error != nil {
		step = result.Error.Class + ": " + result.Error.Message
	}
	fields := []string{e.Time().UTC().Format(time.RFC3339), e.Type(), result.Vendor, result.Outcome, masking.ID(e.Subject())}
	if !r.IsTable(a) {
		return r.Row(a, append(fields, strconv.Itoa(result.Attempts), took.String(), step), nil)
	}
	if result.Attempts > 1 || result.Error != nil {
		step = strings.TrimSuffix(fmt.Sprintf("%s, %s: %s", output.Count(result.Attempts, "attempt"), took, step), ": ")
	}
	return r.Row(a, append(fields, step), resultWidths)
}

// resultWidths are the least widths of the columns of a table.
var resultWidths = []int{9, 24, 8, 12, 8, 0}
