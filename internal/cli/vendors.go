package cli

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/vendors"
)

// vendorsCmd is the commands for the vendors.
type vendorsCmd struct {
	Check vendorsCheckCmd `cmd:"" help:"Ask each vendor that is on whether it takes our credentials."`
}

// Help is shown below the flags.
func (vendorsCmd) Help() string {
	return `Examples:
  usher vendors check
  usher vendors check lead miestro`
}

type vendorsCheckCmd struct {
	Names []string `arg:"" optional:"" name:"vendor" help:"Only these."`
	JSON  bool     `help:"Print a JSON array."`
}

// Help is shown below the flags.
func (vendorsCheckCmd) Help() string {
	return `Each vendor is asked with a call that changes nothing: a list of one, or where there is none, an
object without content, which the vendor refuses (a Meiro source without a schema records it). ok: it lets us in. refused: it does not;
what to do is told. unreachable: no answer came that says anything. off: what to set to turn it on.
Exit code 0: all that are on let us in. 1: one does not. 2: none is on.

Examples:
  usher vendors check
  usher vendors check lead --json`
}

// What a vendor answered.
const (
	vendorOK          = "ok"
	vendorRefused     = "refused"
	vendorUnreachable = "unreachable"
	vendorOff         = "off"
)

// vendorCheck is what came of asking one vendor.
type vendorCheck struct {
	Vendor string `json:"vendor"`
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"` // what went wrong and what to do
}

// Run asks the vendors, all at the same time.
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
	found := askVendors(ctx, c, list)
	if err := k.tell(a, found); err != nil {
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

// askVendors returns what each vendor of the list answered, in its order.
func askVendors(ctx context.Context, c config.Config, list []engine.Vendor) []vendorCheck {
	off := c.Off()
	found := make([]vendorCheck, len(list))
	var asking sync.WaitGroup
	for i, v := range list {
		found[i] = vendorCheck{Vendor: v.Name, State: vendorOff, Detail: off[v.Name]}
		if off[v.Name] != "" {
			continue
		}
		asking.Go(func() { found[i].State, found[i].Detail = ask(ctx, v) })
	}
	asking.Wait()
	return found
}

// ask asks one vendor. It may take three calls: a log-in, a probe and the check.
func ask(ctx context.Context, v engine.Vendor) (state, detail string) {
	port, err := v.Adapter()
	if err != nil {
		return vendorRefused, err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, 3*v.Settings().Timeout)
	defer cancel()
	switch err := port.Check(ctx); {
	case err == nil:
		return vendorOK, ""
	case vendors.ClassOf(err) == vendors.Again:
		return vendorUnreachable, hinted(v, err)
	default:
		return vendorRefused, hinted(v, err)
	}
}

// hinted is what went wrong with a check and what to do: where no answer came, or
// one that knows no such call, the address may be wrong. What an error advises for
// events is of no use here.
func hinted(v engine.Vendor, err error) string {
	said, status, class := err.Error(), vendors.StatusOf(err), vendors.ClassOf(err)
	address := "USHER_" + strings.ToUpper(v.Name) + "_BASE_URL"
	if v.Settings().BaseURL == "" {
		address = "the address in the settings of " + v.Name
	}
	switch {
	case class == vendors.Again && status == 0:
		return said + "; is " + address + " right, and can it be reached from here?"
	case status == http.StatusNotFound, class == vendors.Permanent && status != 0:
		if failed, ok := errors.AsType[*vendors.Error](err); ok {
			said = strings.TrimSuffix(said, " ("+failed.Advice()+")")
		}
		return said + "; is " + address + " right? If it is, look at the credentials"
	default:
		return said
	}
}

func (k vendorsCheckCmd) tell(a *app.App, found []vendorCheck) error {
	if k.JSON {
		return output.JSON(a.Stdout, found)
	}
	var rows [][]string
	for _, v := range found {
		rows = append(rows, []string{v.Vendor, v.State, v.Detail})
	}
	return output.Rows(a.Stdout, []string{"vendor", "state", "detail"}, rows)
}
