package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/ops"
)

// simulateCmd is usher simulate.
type simulateCmd struct {
	From       string          `help:"Users in a file instead of the stored profiles: a JSON object per line, with the data of user.created; - is standard input." placeholder:"FILE"`
	Vendor     app.VendorFlags `help:"Only this vendor. May be repeated." placeholder:"NAME"`
	List       bool            `help:"Print each user at each vendor, before the counts."`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (simulateCmd) Help() string {
	return `Counts the consequences for all users if usher sent each user's data again under the rules of a configuration: by the
stored profiles and the records, without a call of a vendor. created: the records have no account; if the vendor has
one with the same e-mail, the rule adopt of the vendor decides. updated: the account is written, changed or not. Of two
users with one e-mail, the second is a conflict.
With --list, JSON has one object per line, and the counts in the last.
Exit code 0: no account would be removed. 3: accounts would be disabled or deleted, or e-mails are in conflict.

Examples:
  usher simulate --config new.yaml
  usher simulate --config new.yaml --list | grep delete
  usher simulate --config new.yaml --from users.jsonl --vendor miestro --json`
}

// simulateGC is the growth of the heap before a garbage collection, in percent, unless GOGC is set. A
// simulation uses little memory, and makes much garbage.
const simulateGC = 400

// Run prints the counts.
func (k simulateCmd) Run(ctx context.Context, a *app.App) error {
	if a.Getenv("GOGC") == "" {
		debug.SetGCPercent(simulateGC)
	}
	if err := notEmpty(a.File); err != nil {
		return app.Usage(err)
	}
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	from, closeFile, err := openUsers(a, k.From)
	if err != nil {
		return err
	}
	defer closeFile()
	line := output.NewProgress(a.Stderr)
	found, err := service.Simulate(ctx, ops.SimulateOptions{Vendors: k.Vendor, From: from, Row: k.row(a), Progress: line.Show})
	line.End()
	if err != nil {
		return app.Interrupted(ctx, app.Advise(err))
	}
	if err := k.print(a, found); err != nil {
		return err
	}
	if found.Removed+found.Conflicts > 0 {
		return app.ErrFindings
	}
	return nil
}

// row returns the function that prints a user at a vendor; nil without --list.
func (k simulateCmd) row(a *app.App) func(ops.SimulatedRow) error {
	switch {
	case !k.List:
		return nil
	case k.Data():
		return func(r ops.SimulatedRow) error { return k.Item(a, r) }
	}
	return func(r ops.SimulatedRow) error {
		return k.Row(a, []string{masking.ID(r.UserID), r.Vendor, r.Would, cmp.Or(r.Message, r.Reason)}, []int{16, 10, 10, 0})
	}
}

func (k simulateCmd) print(a *app.App, found ops.Simulation) error {
	if k.Data() {
		return totals(a, k.Output, found, k.List)
	}
	var rows [][]string
	for _, c := range found.Counts {
		rows = append(rows, []string{c.Vendor, c.Would, c.Reason, fmt.Sprint(c.Users)})
	}
	err := errors.Join(warnOfProfiles(a, found.WithoutProfile), k.Rows(a, []string{"vendor", "would", "reason", "users"}, rows))
	_, failed := fmt.Fprintf(a.Stdout, "%s; %s would be removed; %s\n", output.Count(found.Users, "user"), output.Count(found.Removed, "account"), output.Count(found.Conflicts, "conflict"))
	return errors.Join(err, failed)
}

// warnOfProfiles says that users are not counted.
func warnOfProfiles(a *app.App, without int) error {
	if without == 0 {
		return nil
	}
	_, err := fmt.Fprintf(a.Stderr, "warning: %s or more without a profile not counted: a profile begins with the first event of the user under a rule scope or map; --from FILE gives all users\n", output.Count(without, "user"))
	return err
}

// notEmpty returns an error for a configuration file without a setting: under an empty file every
// rule is gone.
func notEmpty(path string) error {
	if path == "" {
		return nil
	}
	text, err := bounded.ReadFile(path, bounded.SettingsFile)
	if err != nil {
		return fmt.Errorf("the configuration cannot be read: %w", err)
	}
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) && !bytes.Equal(line, []byte("{}")) {
			return nil
		}
	}
	return fmt.Errorf("%s has no setting: a configuration without rules is not what was meant", path)
}

// openUsers opens a file with users; nil without a name.
func openUsers(a *app.App, name string) (from io.Reader, end func(), err error) {
	switch name {
	case "":
		return nil, func() {}, nil
	case "-":
		return a.Stdin, func() {}, nil
	}
	f, err := bounded.Open(name, bounded.DataFile)
	if err != nil {
		return nil, nil, app.Usage(fmt.Errorf("read the users: %w", err))
	}
	return f, func() { _ = f.Close() }, nil
}

// totals prints the counts as one document: the last one behind a list.
func totals(a *app.App, out app.Output, found any, listed bool) error {
	if listed {
		return out.Item(a, found)
	}
	return out.Write(a, found)
}
