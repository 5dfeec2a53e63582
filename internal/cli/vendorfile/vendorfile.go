// Package vendorfile has the commands for the descriptions of APIs, of the kind http.
package vendorfile

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors/httpapi"
)

// NewCmd is usher vendors new.
type NewCmd struct {
	Name string `arg:"" help:"Name of the vendor: lower-case letters and digits."`
}

// Help is shown below the flags.
func (NewCmd) Help() string {
	return `Prints a commented description of an API, which passes usher vendors lint. Correct each fact by the documents of
the API, and remove the operations that the API lacks. Every key is in docs/http-vendors.md.

Examples:
  usher vendors new acme > acme.yaml
  usher vendors new acme > acme.yaml && usher vendors lint acme.yaml`
}

// Run prints the skeleton.
func (c NewCmd) Run(a *app.App) error {
	if !httpapi.ValidName(c.Name) {
		return app.Usage(fmt.Errorf("%.80q cannot be the name of a vendor: want lower-case letters and digits, a letter first, at most 32", c.Name))
	}
	_, err := io.WriteString(a.Stdout, httpapi.Skeleton(c.Name))
	return err
}

// LintCmd is usher vendors lint.
type LintCmd struct {
	Files []string `arg:"" name:"file" help:"Descriptions of APIs."`

	app.Output `embed:""`
}

// Help is shown below the flags.
func (LintCmd) Help() string {
	return `Checks descriptions of APIs of the kind http, without any call: mistakes (unknown keys, expressions that do not
compile, no way to find an account, secrets in paths), and doubtful facts (answers that are never reached, a POST that
claims to be safe, a creation without proof). Each line names the place and the correction.
Exit code 0: nothing to correct. 1: faults.

Examples:
  usher vendors lint acme.yaml
  usher vendors lint vendors/*.yaml --json`
}

// fault is a fault in the JSON form.
type fault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Key     string `json:"key,omitempty"`
	Problem string `json:"problem"`
	Fix     string `json:"fix"`
}

// Run checks the files.
func (c LintCmd) Run(a *app.App) error {
	found := []fault{}
	for _, path := range c.Files {
		text, err := os.ReadFile(path)
		if err != nil {
			return app.Usage(err)
		}
		err = httpapi.Lint(path, text)
		list := httpapi.Faults(err)
		if err != nil && len(list) == 0 {
			return err
		}
		for _, f := range list {
			found = append(found, fault{f.File, f.Line, f.Key, f.Problem, f.Fix})
			if !c.Data() {
				_, _ = fmt.Fprintln(a.Stdout, f.Error())
			}
		}
	}
	if c.Data() {
		if err := c.Write(a, found); err != nil {
			return err
		}
	}
	switch n := len(found); {
	case n == 1:
		return errors.New("1 fault to correct")
	case n > 1:
		return fmt.Errorf("%d faults to correct", n)
	}
	if !c.Data() {
		_, _ = fmt.Fprintln(a.Stdout, "nothing to correct")
	}
	return nil
}
