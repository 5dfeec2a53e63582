package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/schemas"
)

// configCmd holds the commands of usher config.
type configCmd struct {
	Check  configCheckCmd  `cmd:"" help:"Check the settings, and list the vendors that are on."`
	Show   configShowCmd   `cmd:"" help:"Show every setting with its value and its origin."`
	Reload configReloadCmd `cmd:"" help:"Let usher serve read its configuration again."`
	Schema configSchemaCmd `cmd:"" help:"Print the JSON Schema of the configuration file, for editors."`
}

// Help is shown below the flags.
func (configCmd) Help() string {
	return `The file overrides the defaults, and the environment overrides the file.

Examples:
  usher config check
  usher --config /etc/usher.yaml config show`
}

// configCheckCmd is usher config check.
type configCheckCmd struct {
	app.Output `embed:""`
	Delivery   string `help:"Try a captured delivery of a web hook: headers, an empty line, and the body as sent." placeholder:"FILE"`
	Sender     string `help:"The sender of the delivery, if the request does not name its path." placeholder:"NAME"`
}

// Validate returns an error for flags that exclude each other.
func (k configCheckCmd) Validate() error {
	if k.Delivery == "" && k.Sender != "" || k.Delivery != "" && k.Data() {
		return errors.New("--sender goes with --delivery, and -o json without")
	}
	return nil
}

// Help is shown below the flags.
func (configCheckCmd) Help() string {
	return `Reads the configuration only; to call the vendors, see usher vendors check. Exit code 0: usher serve
can start. 2: it cannot, because of the listed faults.

With --delivery: shows which secret and header fit, or which way of signing would fit, and the events
that the delivery would become. Nothing is stored; values of people are masked. Exit code 0: signature
and mapping are right. 1: they are not.

Examples:
  usher config check
  usher --config usher.yaml config check --json
  usher config check --delivery captured.txt --sender clerk`
}

// report is the result of a check of the settings.
type report struct {
	OK       bool              `json:"ok"`
	Faults   []configFault     `json:"faults,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	On       []string          `json:"on"`
	Off      map[string]string `json:"off"` // vendor → the missing settings
}

// configFault is a config.Error in JSON.
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
	if len(faults) == 0 && k.Delivery != "" {
		return k.try(a, c)
	}
	if len(faults) == 0 {
		if c.RequireVendor() != nil { // report.Off says how to turn a vendor on
			faults = append(faults, &config.Error{Problem: "no vendor is on", Fix: "set the credentials of at least one"})
		}
		faults = append(faults, engine.CheckSenders(c)...)
	}
	r := report{OK: len(faults) == 0, Warnings: c.Warnings(), On: c.On(), Off: c.Off()}
	for _, f := range faults {
		r.Faults = append(r.Faults, configFault{f.Key, f.Variable, f.At, f.Problem, f.Fix})
	}
	if k.Data() {
		err = k.Write(a, r)
	} else {
		err = k.print(a, c, r, faults)
	}
	if len(faults) > 0 {
		return errors.Join(app.Usage(app.ErrSilent), err)
	}
	return err
}

// print prints the report for a person: faults and warnings, and the vendors in the order of usher vendors check.
func (k configCheckCmd) print(a *app.App, c config.Config, r report, faults []*config.Error) error {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&b, "fault    %s\n", f.Error())
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "warning  %s\n", warning)
	}
	_, err := io.WriteString(a.Stdout, b.String())
	var rows [][]string
	for _, v := range a.Catalog.With(&c) {
		state, why := "on", r.Off[v.Name]
		if why != "" {
			state = vendorOff
		}
		rows = append(rows, []string{v.Name, state, why})
	}
	if err := errors.Join(err, k.Advice(a, []string{"vendor", "state", "detail"}, rows)); err != nil {
		return err
	}
	verdict := "the settings can be used"
	if !r.OK {
		verdict = "the settings cannot be used: " + output.Count(len(faults), "fault")
	}
	_, err = fmt.Fprintln(a.Stdout, verdict)
	return err
}

// configSchemaCmd is usher config schema.
type configSchemaCmd struct{}

// Help is shown below the flags.
func (configSchemaCmd) Help() string {
	return `An editor with a language server for YAML then completes and checks the file: write as its first line
  # yaml-language-server: $schema=usher.schema.json

Examples:
  usher config schema > usher.schema.json`
}

// Run prints the schema.
func (configSchemaCmd) Run(a *app.App) error {
	_, err := io.WriteString(a.Stdout, schemas.Configuration)
	return err
}

// configShowCmd is usher config show.
type configShowCmd struct {
	app.Output `embed:""`
}

// Help is shown below the flags.
func (configShowCmd) Help() string {
	return `Secrets are shown as [redacted], and so are users and passwords in addresses.

Examples:
  usher config show
  usher config show --json | jq '.[] | select(.from != "default")'`
}

// Run shows the settings, even if some have faults.
func (k configShowCmd) Run(a *app.App) error {
	c, err := a.Config()
	if err := k.print(a, c.Show()); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("these settings cannot be used; see usher config check: %w", err)
	}
	return nil
}

func (k configShowCmd) print(a *app.App, list []config.Shown) error {
	if k.Data() {
		return k.Write(a, list)
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.Key, s.Text(), s.From, s.Variable})
	}
	return k.Rows(a, []string{"key", "value", "from", "variable"}, rows)
}
