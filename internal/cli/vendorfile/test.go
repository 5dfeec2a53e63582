package vendorfile

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors/httpapi"
)

// TestCmd is usher vendors test.
type TestCmd struct {
	File   string `arg:"" help:"Description of an API."`
	Live   string `help:"Test the vendor of this name in the configuration, with one new user that is removed at the end. Asks first." placeholder:"VENDOR"`
	Email  string `help:"E-mail of the new user, for --live: an address of yours without an account at the vendor." placeholder:"ADDRESS"`
	Course string `help:"The vendor's id of a course to enrol the new user in, for --live." placeholder:"ID"`
	Yes    bool   `help:"Do not ask, for --live."`
	Here   bool   `hidden:"" help:"Run the tests in this process, which ends."`
}

// Help is shown below the flags.
func (TestCmd) Help() string {
	return `Tests a description of an API against a stand-in made from it, without any call to the vendor: users are created,
changed, enrolled and removed while answers are lost, and while the stand-in answers 429 and 500; no account and no
enrolment may be made twice. Then every call meets refusals, redirects, garbage and silence; no error may show a secret
or personal data. A stand-in believes the file: a wrong fact shows at the vendor only, with --live. The last lines name
the operations and the groups of tests that were not tried, and why.
With --live, one user is created, looked up, changed, disabled, enabled, enrolled and removed at the vendor, as far as
the file has the operations. Give the e-mail of a user for the purpose, at a test tenant. An interrupt removes the user,
too; an account that stays is named.
Exit code 0: all tests passed that could be tried. 1: a test failed, or an account stays at the vendor.

Examples:
  usher vendors test acme.yaml
  usher vendors test acme.yaml --live acme --email usher-test@example.com --course 17`
}

// Validate returns an error for flags that need --live.
func (c TestCmd) Validate() error {
	switch {
	case c.Live == "" && (c.Email != "" || c.Course != "" || c.Yes):
		return errors.New("--email, --course and --yes need --live VENDOR")
	case c.Live != "" && !strings.Contains(c.Email, "@"):
		return errors.New("--live needs --email: the address of a user for the purpose, without an account at the vendor")
	}
	return nil
}

// Run tests the file.
func (c TestCmd) Run(ctx context.Context, a *app.App) error {
	text, err := bounded.ReadFile(c.File, bounded.SettingsFile)
	if err != nil {
		return app.Usage(err)
	}
	f, err := httpapi.Parse(c.File, text)
	if err != nil {
		return err
	}
	if c.Live != "" {
		return c.live(ctx, a)
	}
	if c.Here {
		return c.here(a, f)
	}
	_, _ = fmt.Fprintf(a.Stdout, "%s has %s\n", f.Name, strings.Join(f.Operations(), ", "))
	return c.standIn(ctx, a)
}
