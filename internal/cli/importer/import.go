// Package importer holds the command usher import.
package importer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// Cmd is usher import.
type Cmd struct {
	File       string            `arg:"" help:"The file: CSV with a head, or a JSON object per line; - is standard input."`
	Type       string            `help:"The type of the events: ${enum}." enum:"user.created,user.updated,enrollment.requested,enrollment.cancelled" default:"user.created"`
	Map        map[string]string `help:"A member of the data and its column, such as first_name=Vorname. May be repeated; by default columns are found by their names." placeholder:"MEMBER=COLUMN" mapsep:"none"`
	Set        map[string]string `help:"A member of the data and its value in all events, such as course_id=go-101. May be repeated." placeholder:"MEMBER=VALUE" mapsep:"none"`
	As         string            `name:"format" help:"csv or jsonl; by the name of the file by default." enum:"auto,csv,jsonl" default:"auto" placeholder:"FORMAT"`
	Separator  string            `help:"Between the values of CSV: a character, or tab; by the head of the file by default." placeholder:"CHAR"`
	Source     string            `help:"The source of the events; ${default} by default. Rows of an earlier import have an effect again under another source only." default:"/import" placeholder:"SOURCE"`
	DryRun     bool              `help:"Check all rows, print the first events, and send nothing."`
	Strict     bool              `help:"Send nothing if one row is not valid."`
	Rate       float64           `help:"Events per second; 0: no limit; ${default} by default." default:"100" placeholder:"N"`
	Report     string            `help:"The file with the outcome of each row, to go on after an interrupt; FILE.report.jsonl by default." placeholder:"FILE"`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `Makes an event of each row, checks all rows, and sends the events in the order of the file. Rows that are not valid
are listed with their lines and the reasons; the others are sent. Exit code 1: some rows are not valid.
A column is found by its name: First name, first-name and firstName are first_name. attributes.NAME is an attribute.
Columns without a member are left out, with a warning. An empty value is no value.
The id of an event comes from its data. After an interrupt, run the command again: rows in the report are left
out, and Usher knows the ids of all others. A changed row is a new event.

Examples:
  usher import users.csv --dry-run
  usher import users.csv --map user_id=Nummer --map first_name=Vorname --rate 20
  usher import changes.jsonl --type user.updated
  usher import class.csv --type enrollment.requested --set course_id=go-101 --strict`
}

// Validate returns an error for values out of range.
func (c Cmd) Validate() error {
	switch {
	case !(c.Rate >= 0):
		return errors.New("--rate cannot be negative")
	case c.Source == "" || events.IsWebhookSource(c.Source):
		return errors.New("--source must be a source of your own, not below /webhooks/")
	}
	_, err := separator(c.Separator)
	return err
}

// summary is the outcome of the command.
type summary struct {
	Rows    int            `json:"rows"`
	Sent    int            `json:"sent"`    // by this run
	Known   int            `json:"known"`   // to NATS already
	Earlier int            `json:"earlier"` // sent by an earlier run, by the report
	Invalid int            `json:"invalid"`
	DryRun  bool           `json:"dry_run,omitempty"`
	Sample  []events.Event `json:"sample,omitempty"` // the first events of a dry run
	Faults  []entry        `json:"faults,omitempty"`
	Doubles doubles        `json:"doubles,omitzero"`
	Report  string         `json:"report,omitempty"`
}

// doubles counts the rows of user.created whose user has an earlier row with other data.
type doubles struct {
	Rows  int `json:"rows"`
	Line  int `json:"line"`  // of the first such row
	First int `json:"first"` // line of the earlier row

	seen map[string]double // by user
}

// double is the first row of a user.
type double struct {
	line int
	id   string // of the event, made from the data
}

func (d *doubles) add(line int, e events.Event) {
	if e.Type() != events.UserCreated {
		return
	}
	user := events.UserID(e)
	earlier, found := d.seen[user]
	switch {
	case !found:
		if d.seen == nil {
			d.seen = map[string]double{}
		}
		d.seen[user] = double{line, e.ID()}
	case earlier.id != e.ID():
		if d.Rows++; d.Rows == 1 {
			d.Line, d.First = line, earlier.line
		}
	}
}

const (
	sampled = 3  // events printed by a dry run
	listed  = 20 // faults printed
)

// Run checks the rows and sends the events.
func (c Cmd) Run(ctx context.Context, a *app.App) error {
	text, err := c.read(ctx, a)
	if err != nil {
		return app.Usage(err)
	}
	rows, err := c.open(a, text)
	if err != nil {
		return app.Usage(err)
	}
	done := summary{DryRun: c.DryRun}
	if err := c.check(rows, &done); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(rows.unused)) {
		_, _ = fmt.Fprintln(a.Stderr, "warning: "+notUsed(output.Plain(name, "")))
	}
	if err := c.printFaults(a, done); err != nil {
		return err
	}
	if c.Strict && done.Invalid > 0 || c.DryRun {
		return errors.Join(c.print(a, done), exitCode(done))
	}
	err = c.send(ctx, a, rows, &done)
	if err != nil {
		err = fmt.Errorf("%w; run it again to go on", app.Advise(app.Interrupted(ctx, err)))
	}
	return errors.Join(c.print(a, done), err, exitCode(done))
}

// exitCode returns app.ErrSilent if rows are not valid.
func exitCode(done summary) error {
	if done.Invalid > 0 {
		return app.ErrSilent
	}
	return nil
}

func (c Cmd) read(ctx context.Context, a *app.App) (text []byte, err error) {
	if c.File == "-" {
		return a.Input(ctx)
	}
	return bounded.ReadFile(c.File, bounded.DataFile)
}

// open returns the rows of the file as events.
func (c Cmd) open(a *app.App, text []byte) (*mapped, error) {
	t, err := c.table(text)
	if err != nil {
		return nil, err
	}
	valid, err := schemas.New()
	if err != nil {
		return nil, err
	}
	m := &mapped{Cmd: c, table: t, valid: valid}
	unused, err := m.findColumns()
	for _, warning := range unused {
		_, _ = fmt.Fprintln(a.Stderr, "warning: "+output.Plain(warning, ""))
	}
	return m, err
}

// check counts the rows, and collects the faults.
func (c Cmd) check(rows *mapped, done *summary) error {
	for r, err := range rows.events() {
		if err != nil {
			return fmt.Errorf("nothing was sent: %w", err)
		}
		done.Rows++
		if r.why != "" {
			done.Invalid++
			done.Faults = append(done.Faults, entry{Line: r.line, Status: invalid, Why: r.why})
			continue
		}
		done.Doubles.add(r.line, r.event)
		if c.DryRun && len(done.Sample) < sampled {
			done.Sample = append(done.Sample, r.event)
		}
	}
	if done.Rows == 0 {
		return errors.New("nothing was sent: the file has no row")
	}
	return nil
}

// send sends the events, and writes the report.
func (c Cmd) send(ctx context.Context, a *app.App, rows *mapped, done *summary) error {
	book, err := openReport(c.reportPath())
	if err != nil {
		return err
	}
	defer book.close()
	done.Report = c.reportPath()
	if err := book.faults(done.Faults); err != nil {
		return err
	}
	_, set, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	limit := rate.NewLimiter(rate.Limit(c.Rate), 1)
	if c.Rate == 0 {
		limit.SetLimit(rate.Inf)
	}
	line := output.NewProgress(a.Stderr)
	defer line.End()
	n := 0
	for r, err := range rows.events() {
		if err != nil {
			return err
		}
		if n++; r.why != "" {
			continue
		}
		if err := sendRow(ctx, set.Events, book, r, limit, done); err != nil {
			return fmt.Errorf("line %d: %w", r.line, err)
		}
		line.Of(n, done.Rows)
	}
	return nil
}

// sendRow sends the event of a row, unless the report has the event.
func sendRow(ctx context.Context, to *streams.Events, book *report, r mappedRow, limit *rate.Limiter, done *summary) error {
	if book.sent[r.event.ID()] {
		done.Earlier++
		return nil
	}
	if err := limit.Wait(ctx); err != nil {
		return err
	}
	isNew, err := to.Send(ctx, r.event)
	if err != nil {
		return err
	}
	status := sent
	if isNew {
		done.Sent++
	} else {
		status = known
		done.Known++
	}
	return book.write(entry{Line: r.line, ID: r.event.ID(), Status: status, At: time.Now().UTC().Truncate(time.Second)})
}

// reportPath returns the path of the report; empty for none.
func (c Cmd) reportPath() string {
	if c.Report == "" && c.File != "-" {
		return c.File + ".report.jsonl"
	}
	return c.Report
}
