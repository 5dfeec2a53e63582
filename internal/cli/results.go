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
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
)

type resultsCmd struct {
	Follow  bool           `short:"f" help:"Wait for further results at the end."`
	Vendor  app.VendorFlag `help:"Of this vendor only." placeholder:"NAME"`
	Type    string         `help:"Of this type only: that of the result, or of the event that asked for it." placeholder:"TYPE"`
	Outcome string         `help:"With this outcome only: done, already_done, superseded, unsupported or failed." placeholder:"OUTCOME"`
	User    string         `help:"Of this user only." placeholder:"ID"`
	Event   string         `help:"Of the event with this id only." placeholder:"ID"`
	Since   time.Duration  `help:"Of the time since then only, such as 1h." placeholder:"DURATION"`
	Limit   int            `help:"End after so many." placeholder:"N"`
	JSON    bool           `help:"Print each result as the CloudEvent that was published, one a line."`
}

// Help is shown below the flags.
func (resultsCmd) Help() string {
	return `One line for each result, oldest first: time, type, vendor, outcome, user, attempts,
time taken, and what went wrong. On a terminal attempts and time are told where it was more than
one attempt, or failed; elsewhere there are tabs between them.
A result that was published again, since its event was sent again, has the same id and is told once.

Examples:
  usher results --since 1h --outcome failed
  usher results --follow --vendor lead
  usher results --event 4711 --json | jq .data`
}

// Validate refuses what no result can be.
func (r resultsCmd) Validate() error {
	outcomes := []string{"", events.Done, events.AlreadyDone, events.Superseded, events.Unsupported, events.Failed}
	var faults []error
	if !slices.Contains(outcomes, r.Outcome) {
		faults = append(faults, fmt.Errorf("there is no outcome %s: want one of %s", r.Outcome, strings.Join(outcomes[1:], ", ")))
	}
	if r.Type != "" && r.types() == nil {
		faults = append(faults, fmt.Errorf("there is no type %s: want one of %s, %s", r.Type,
			strings.Join(events.Types(), ", "), strings.Join(events.ResultTypes(), ", ")))
	}
	if r.Limit < 0 || r.Since < 0 {
		faults = append(faults, errors.New("neither --limit nor --since can be negative"))
	}
	return errors.Join(faults...)
}

// types are the result types that --type stands for.
func (r resultsCmd) types() []string {
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

// distinct is among how many results one that is told again is known by its id.
const distinct = 100_000

// Run prints the results that fit.
func (r resultsCmd) Run(ctx context.Context, a *app.App) error {
	_, b, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	query := bus.ResultsQuery{Vendor: string(r.Vendor), Types: r.types(), Follow: r.Follow}
	if r.Since > 0 {
		query.Since = time.Now().Add(-r.Since)
	}
	if r.Follow {
		a.Remark("waiting for further results; Ctrl-C ends")
	}
	told, err := lru.New[string, struct{}](distinct)
	if err != nil {
		return err
	}
	printed := 0
	var failed error
	err = b.Results(ctx, query, func(e events.Event, result events.Result) bool {
		if !r.fits(e, result) {
			return true
		}
		if again, _ := told.ContainsOrAdd(e.ID(), struct{}{}); again {
			return true
		}
		failed = r.line(a, e, result)
		printed++
		return failed == nil && (r.Limit == 0 || printed < r.Limit)
	})
	if r.Follow && ctx.Err() != nil {
		return nil // whoever followed has seen enough
	}
	if printed == 0 && err == nil {
		a.Remark("no results")
	}
	return errors.Join(failed, app.Advise(err))
}

func (r resultsCmd) fits(e events.Event, result events.Result) bool {
	return (r.Outcome == "" || r.Outcome == result.Outcome) &&
		(r.User == "" || r.User == e.Subject()) &&
		(r.Event == "" || r.Event == result.Event.ID)
}

// line prints one result.
func (r resultsCmd) line(a *app.App, e events.Event, result events.Result) error {
	if r.JSON {
		return output.Event(a.Stdout, e)
	}
	took, wrong := time.Duration(result.TookMS)*time.Millisecond, ""
	if result.Error != nil {
		wrong = result.Error.Class + ": " + result.Error.Message
	}
	fields := []string{e.Time().UTC().Format(time.RFC3339), e.Type(), result.Vendor, result.Outcome, e.Subject()}
	if !output.IsTerminal(a.Stdout) {
		return output.Row(a.Stdout, append(fields, strconv.Itoa(result.Attempts), took.String(), wrong), nil)
	}
	if result.Attempts > 1 || wrong != "" {
		wrong = strings.TrimSuffix(fmt.Sprintf("%s, %s: %s", output.Count(result.Attempts, "attempt"), took, wrong), ": ")
	}
	return output.Row(a.Stdout, append(fields, wrong), []int{20, 22, 8, 12, 8, 0})
}
