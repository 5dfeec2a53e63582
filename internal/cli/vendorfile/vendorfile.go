// Package vendorfile has the commands for the descriptions of APIs, of the kind http.
package vendorfile

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/usherhq/usher/bounded"
	examples "github.com/usherhq/usher/examples/vendors"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors/httpapi"
)

// NewCmd is usher vendors new.
type NewCmd struct {
	Name string `arg:"" optional:"" help:"Name of the vendor, lower-case letters and digits; or the name of a description that Usher has."`
	List bool   `help:"List the descriptions that Usher has."`
}

// Help is shown below the flags.
func (NewCmd) Help() string {
	return `Prints a commented description of an API, which passes usher vendors lint. Correct each fact by the documents of
the API, and remove the operations that the API lacks. Every key is in docs/http-vendors.md.
Usher has descriptions of some products: usher vendors new --list. With such a name the description is printed, as a
start for one of your own; docs/http-vendors.md says which are tried with the real product.

Examples:
  usher vendors new acme > acme.yaml && usher vendors lint acme.yaml
  usher vendors new --list
  usher vendors new moodle > moodle.yaml`
}

// Run prints the description.
func (c NewCmd) Run(a *app.App) error {
	switch {
	case c.List:
		return c.list(a)
	case c.Name == "":
		return app.Usage(errors.New("give the name of a vendor, such as acme; --list shows the names that Usher has a description for"))
	case !httpapi.ValidName(c.Name):
		return app.Usage(fmt.Errorf("%.80q cannot be the name of a vendor: want lower-case letters and digits, a letter first, at most 32", c.Name))
	}
	text, err := examples.Files.ReadFile(c.Name + ".yaml")
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(httpapi.Skeleton(c.Name)), nil
	}
	if err == nil {
		_, err = a.Stdout.Write(text)
	}
	return err
}

// list prints the names of the descriptions, with the first line of each.
func (NewCmd) list(a *app.App) error {
	paths, err := fs.Glob(examples.Files, "*.yaml")
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := examples.Files.ReadFile(path)
		if err != nil {
			return err
		}
		about, _, _ := strings.Cut(string(text), "\n")
		_, _ = fmt.Fprintf(a.Stdout, "%-12s %s\n", strings.TrimSuffix(path, ".yaml"), strings.TrimLeft(about, "# "))
	}
	return nil
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
claims to be safe, a creation without proof). A warning is a fact that the file leaves out: which accounts are staff,
and which answer means that an e-mail is in use. Each line names the place and the correction.
Exit code 0: no faults. 1: faults.

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
	Warning bool   `json:"warning,omitempty"`
}

// Run checks the files.
func (c LintCmd) Run(a *app.App) error {
	found, warnings := []fault{}, 0
	for _, path := range c.Files {
		text, err := bounded.ReadFile(path, bounded.SettingsFile)
		if err != nil {
			return app.Usage(err)
		}
		err = httpapi.Lint(path, text)
		list := httpapi.Faults(err)
		if err != nil && len(list) == 0 {
			return err
		}
		for _, f := range list {
			found = append(found, fault{f.File, f.Line, f.Key, f.Problem, f.Fix, f.Warning})
			if f.Warning {
				warnings++
			}
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
	switch n := len(found) - warnings; {
	case n == 1:
		return errors.New("1 fault to correct")
	case n > 1:
		return fmt.Errorf("%d faults to correct", n)
	}
	switch {
	case c.Data():
	case warnings > 0:
		_, _ = fmt.Fprintf(a.Stdout, "no faults; warnings: %d\n", warnings)
	default:
		_, _ = fmt.Fprintln(a.Stdout, "nothing to correct")
	}
	return nil
}
