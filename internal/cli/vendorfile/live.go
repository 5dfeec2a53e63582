package vendorfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi/filetest"
)

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
	_, _ = fmt.Fprintln(a.Stderr, "If this command is killed, look for an account of the address given by --email, and remove it.")
	return filetest.Live(ctx, adapter, c.Email, c.Course, func(r filetest.Result) {
		state := strings.TrimSpace("ok " + r.Note)
		if r.Err != nil {
			state = "failed: " + r.Err.Error()
		}
		_, _ = fmt.Fprintf(a.Stdout, "%-24s %s\n", r.Step, state)
	})
}
