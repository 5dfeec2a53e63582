package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
)

// configCmd is the commands for the settings.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Tell every fault of the settings at once, and which vendors are on."`
	Show  configShowCmd  `cmd:"" help:"Show every setting with its value and where it comes from."`
}

// Help is shown below the flags.
func (configCmd) Help() string {
	return `Settings come from the defaults, then the file, then the environment.

Examples:
  usher config check
  usher --config /etc/usher.yaml config show`
}

type configCheckCmd struct {
	JSON bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (configCheckCmd) Help() string {
	return `Exit code 0: usher serve can start. 2: it cannot, for the faults that are told. NATS and the
vendors are not asked; see usher vendors check.

Examples:
  usher config check
  usher --config usher.yaml config check --json`
}

// checked is what a check of the settings found.
type checked struct {
	OK       bool              `json:"ok"`
	Faults   []configFault     `json:"faults,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	On       []string          `json:"on"`
	Off      map[string]string `json:"off"` // vendor → what turns it on
}

// configFault is a config.Error as JSON shows it.
type configFault struct {
	Key      string `json:"key,omitempty"`
	Variable string `json:"variable,omitempty"`
	At       string `json:"at,omitempty"`
	Problem  string `json:"problem"`
	Fix      string `json:"fix,omitempty"`
}

// Run checks the settings.
func (k configCheckCmd) Run(a *app.App) error {
	c, err := a.Config()
	faults := config.Faults(err)
	if err != nil && len(faults) == 0 {
		return err
	}
	if len(faults) == 0 {
		if c.RequireVendor() != nil { // what turns one on is told below
			faults = append(faults, &config.Error{Problem: "no vendor is on", Fix: "set the credentials of at least one"})
		}
		_, _, wrong := engine.Senders(c)
		faults = append(faults, wrong...)
	}
	report := checked{OK: len(faults) == 0, Warnings: c.Warnings(), On: c.On(), Off: c.Off()}
	for _, f := range faults {
		report.Faults = append(report.Faults, configFault{f.Key, f.Variable, f.At, f.Problem, f.Fix})
	}
	if k.JSON {
		err = output.JSON(a.Stdout, report)
	} else {
		err = report.tell(a.Stdout, faults)
	}
	if len(faults) > 0 {
		return errors.Join(app.Usage(app.ErrSilent), err)
	}
	return err
}

// tell prints the report for a person.
func (r checked) tell(w io.Writer, faults []*config.Error) error {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&b, "fault    %s\n", f.Error())
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "warning  %s\n", warning)
	}
	for _, name := range r.On {
		fmt.Fprintf(&b, "on       %s\n", name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Off)) {
		fmt.Fprintf(&b, "off      %s: %s\n", name, r.Off[name])
	}
	if r.OK {
		b.WriteString("the settings can be used\n")
	} else {
		fmt.Fprintf(&b, "the settings cannot be used: %s\n", output.Count(len(faults), "fault"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type configShowCmd struct {
	JSON bool `help:"Print a JSON array."`
}

// Help is shown below the flags.
func (configShowCmd) Help() string {
	return `Secrets are shown as [redacted], and so are users and passwords in addresses.

Examples:
  usher config show
  usher config show --json | jq '.[] | select(.from != "default")'`
}

// Run shows the settings, those with faults as well.
func (k configShowCmd) Run(a *app.App) error {
	c, err := a.Config()
	if shown := k.tell(a, c.Show()); shown != nil {
		return shown
	}
	if err != nil {
		return fmt.Errorf("these settings cannot be used; see usher config check: %w", err)
	}
	return nil
}

func (k configShowCmd) tell(a *app.App, list []config.Shown) error {
	if k.JSON {
		return output.JSON(a.Stdout, list)
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.Key, s.Text(), s.From, s.Variable})
	}
	return output.Rows(a.Stdout, []string{"key", "value", "from", "variable"}, rows)
}
