package vendorfile

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/httpapi/filetest"
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
or personal data. A stand-in believes the file: a wrong fact shows at the vendor only, with --live.
With --live, one user is created, looked up, changed, disabled, enabled, enrolled and removed at the vendor, as far as
the file has the operations. Give the e-mail of a user for the purpose, at a test tenant.
Exit code 0: all tests passed. 1: a test failed.

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
	text, err := os.ReadFile(c.File)
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

// standIn runs the tests in a process of their own: the machinery of go test ends the process.
func (c TestCmd) standIn(ctx context.Context, a *app.App) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	k := exec.CommandContext(ctx, program, "vendors", "test", c.File, "--here") //nolint:gosec // this program, with the file of the command
	k.Args[0], k.Env, k.Stdout, k.Stderr = os.Args[0], a.Environ, a.Stdout, a.Stderr
	if err := k.Run(); err != nil {
		return fmt.Errorf("the file does not pass: %w", err)
	}
	_, _ = fmt.Fprintln(a.Stdout, "passed: nothing was made twice, and every bad answer was understood")
	return nil
}

// here runs the tests of the suite for adapters in Go, and ends the process.
func (c TestCmd) here(a *app.App, f *httpapi.File) error {
	testing.Init()
	if err := flag.CommandLine.Parse(nil); err != nil {
		return err
	}
	var able map[string]error
	tests := []testing.InternalTest{{Name: "once", F: func(t *testing.T) {
		var twice []string
		synctest.Test(t, func(*testing.T) { able, twice = filetest.Able(f), filetest.Once(f) })
		for _, fault := range twice {
			t.Error(fault)
		}
		for _, op := range slices.Sorted(maps.Keys(able)) {
			if able[op] != nil {
				_, _ = fmt.Fprintf(a.Stdout, "not tried: %s: the stand-in has no answer that the file accepts: %v\n", op, able[op])
			}
		}
	}}}
	if f.Has("create") {
		tests = append(tests, testing.InternalTest{Name: "answers", F: func(t *testing.T) {
			if able["create"] != nil || able["enroll"] != nil {
				_, _ = fmt.Fprintln(a.Stdout, "not tried: bad answers: the suite begins with an account and an enrolment")
				return
			}
			filetest.Answers(t, f)
		}})
	}
	testing.Main(func(string, string) (bool, error) { return true, nil }, tests, nil, nil)
	return nil
}

// live tests one user at the vendor.
func (c TestCmd) live(ctx context.Context, a *app.App) error {
	conf, err := a.Config()
	if err != nil {
		return err
	}
	off := conf.Off()
	for _, v := range a.Catalog.With(&conf) {
		if v.Name != c.Live {
			continue
		}
		if off[v.Name] != "" {
			return app.Usage(fmt.Errorf("%s is off: %s", v.Name, off[v.Name]))
		}
		adapter, err := v.Adapter()
		if err != nil {
			return err
		}
		if !c.Yes {
			if err := c.ask(ctx, a, v.Settings().BaseURL); err != nil {
				return err
			}
		}
		return c.liveUser(ctx, a, adapter)
	}
	return app.Usage(fmt.Errorf("there is no vendor %s in the configuration: add a section with kind: http and file: %s", c.Live, c.File))
}

// ask waits for a yes.
func (c TestCmd) ask(ctx context.Context, a *app.App, address string) error {
	_, _ = fmt.Fprintf(a.Stderr, "This creates, changes and removes one user at %s. Is that a test tenant? Type yes: ", address)
	line, err := app.Await(ctx, func() (string, error) { return bufio.NewReader(a.Stdin).ReadString('\n') })
	if err != nil || strings.TrimSpace(line) != "yes" {
		return errors.New("nothing was done: the answer is not yes")
	}
	return nil
}

// liveUser makes each operation once for a new user.
func (c TestCmd) liveUser(ctx context.Context, a *app.App, adapter vendors.Adapter) error {
	results, err := filetest.Live(ctx, adapter, c.Email, c.Course)
	for _, r := range results {
		state := "ok"
		if r.Err != nil {
			state = "failed: " + r.Err.Error()
		}
		_, _ = fmt.Fprintf(a.Stdout, "%-24s %s\n", r.Step, state)
	}
	return err
}
