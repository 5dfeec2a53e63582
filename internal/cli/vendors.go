package cli

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/vendorfile"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/vendors"
)

// vendorsCmd holds the commands of usher vendors.
type vendorsCmd struct {
	Check   vendorsCheckCmd   `cmd:"" help:"Check the credentials of each vendor that is on."`
	Users   vendorsUsersCmd   `cmd:"" help:"List the accounts at a vendor."`
	Courses vendorsCoursesCmd `cmd:"" help:"List the courses at a vendor, for their ids."`

	New  vendorfile.NewCmd  `cmd:"" help:"Print a commented description of an API, for kind: http."`
	Lint vendorfile.LintCmd `cmd:"" help:"Check descriptions of APIs, without any call."`
	Test vendorfile.TestCmd `cmd:"" help:"Test a description of an API against a stand-in, or a test tenant."`
}

// Help is shown below the flags.
func (vendorsCmd) Help() string {
	return `Examples:
  usher vendors check
  usher vendors check lead miestro
  usher vendors users miestro
  usher vendors courses miestro
  usher vendors new acme > acme.yaml
  usher vendors lint acme.yaml
  usher vendors test acme.yaml`
}

// vendorsCheckCmd is usher vendors check.
type vendorsCheckCmd struct {
	Names      []string `arg:"" optional:"" name:"vendor" help:"Only these vendors."`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (vendorsCheckCmd) Help() string {
	return `Calls each vendor without changing anything: by a list of one user, or else by an empty object, refused by the
vendor (a Meiro source without a schema records the object). ok: the vendor accepts the credentials. refused: it does
not; the detail says what to do. unreachable: no usable answer. off: the detail says how to turn the vendor on.
Exit code 0: all vendors that are on accept. 1: one does not. 2: no vendor is on.

Examples:
  usher vendors check
  usher vendors check lead --json`
}

// States of a vendorCheck.
const (
	vendorOK          = "ok"
	vendorRefused     = "refused"
	vendorUnreachable = "unreachable"
	vendorOff         = "off"
)

// vendorCheck is the result for one vendor.
type vendorCheck struct {
	Vendor string `json:"vendor"`
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"` // the error, with advice
}

// Run checks the vendors, all at the same time.
func (k vendorsCheckCmd) Run(ctx context.Context, a *app.App) error {
	if err := a.KnownVendors(k.Names...); err != nil {
		return app.Usage(err)
	}
	c, err := a.Config()
	if err != nil {
		return err
	}
	list := a.Catalog.With(&c)
	if len(k.Names) > 0 {
		list = slices.DeleteFunc(list, func(v engine.Vendor) bool { return !slices.Contains(k.Names, v.Name) })
	}
	found := checkVendors(ctx, c, list)
	if err := k.print(a, found); err != nil {
		return err
	}
	has := func(states ...string) bool {
		return slices.ContainsFunc(found, func(v vendorCheck) bool { return slices.Contains(states, v.State) })
	}
	switch {
	case !has(vendorOK, vendorRefused, vendorUnreachable):
		return app.Usage(errors.New("none of these vendors is on"))
	case has(vendorRefused, vendorUnreachable):
		return app.ErrSilent
	default:
		return nil
	}
}

// checkVendors returns the results for the vendors, in the order of the list.
func checkVendors(ctx context.Context, c config.Config, list []engine.Vendor) []vendorCheck {
	off := c.Off()
	found := make([]vendorCheck, len(list))
	var checks sync.WaitGroup
	for i, v := range list {
		found[i] = vendorCheck{Vendor: v.Name, State: vendorOff, Detail: off[v.Name]}
		if off[v.Name] != "" {
			continue
		}
		checks.Go(func() { found[i].State, found[i].Detail = checkVendor(ctx, v) })
	}
	checks.Wait()
	return found
}

// checkVendor checks one vendor, by up to three calls: a log-in, a probe and the check.
func checkVendor(ctx context.Context, v engine.Vendor) (state, detail string) {
	port, err := v.Adapter()
	if err != nil {
		return vendorRefused, err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, 3*v.Settings().Timeout)
	defer cancel()
	switch err := v.Check(ctx, port); {
	case err == nil:
		return vendorOK, ""
	case vendors.ClassOf(err) == vendors.Again:
		return vendorUnreachable, withAdvice(v, err)
	default:
		return vendorRefused, withAdvice(v, err)
	}
}

// withAdvice returns the text of a failed check, with advice for it instead of the advice for
// events. Without an answer, or if the call is unknown to the server, the address may be wrong.
func withAdvice(v engine.Vendor, err error) string {
	text, status, class := err.Error(), vendors.StatusOf(err), vendors.ClassOf(err)
	address := "USHER_" + strings.ToUpper(v.Name) + "_BASE_URL"
	if v.Settings().BaseURL == "" {
		address = "the address in the settings of " + v.Name
	}
	switch {
	case class == vendors.Again && status == 0:
		return text + "; is " + address + " right, and can it be reached from here?"
	case status == http.StatusNotFound, class == vendors.Permanent && status != 0:
		if failed, ok := errors.AsType[*vendors.Error](err); ok {
			text = strings.TrimSuffix(text, " ("+failed.Advice()+")")
		}
		return text + "; is " + address + " right? If it is, look at the credentials"
	default:
		return text
	}
}

func (k vendorsCheckCmd) print(a *app.App, found []vendorCheck) error {
	if k.Data() {
		return k.Write(a, found)
	}
	var rows [][]string
	for _, v := range found {
		rows = append(rows, []string{v.Vendor, v.State, v.Detail})
	}
	return k.Advice(a, []string{"vendor", "state", "detail"}, rows)
}
