package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/usherhq/usher/internal/config"
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
func (k vendorsCheckCmd) Run(ctx context.Context, a *app) error {
	if err := knownVendors(k.Names...); err != nil {
		return usageError{err}
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	list := vendorList(&c)
	if len(k.Names) > 0 {
		list = slices.DeleteFunc(list, func(v vendor) bool { return !slices.Contains(k.Names, v.name) })
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
		return usageError{errors.New("none of these vendors is on")}
	case has(vendorRefused, vendorUnreachable):
		return silentError{}
	default:
		return nil
	}
}

// askVendors returns what each vendor of the list answered, in its order.
func askVendors(ctx context.Context, c config.Config, list []vendor) []vendorCheck {
	off := c.Off()
	found := make([]vendorCheck, len(list))
	var asking sync.WaitGroup
	for i, v := range list {
		found[i] = vendorCheck{Vendor: v.name, State: vendorOff, Detail: off[v.name]}
		if off[v.name] != "" {
			continue
		}
		asking.Go(func() { found[i].State, found[i].Detail = v.ask(ctx) })
	}
	asking.Wait()
	return found
}

// ask asks one vendor. It may take three calls: a log-in, a probe and the check.
func (v vendor) ask(ctx context.Context) (state, detail string) {
	port, err := v.adapter()
	if err != nil {
		return vendorRefused, err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, 3*v.settings().Timeout)
	defer cancel()
	switch err := port.Check(ctx); {
	case err == nil:
		return vendorOK, ""
	case vendors.ClassOf(err) == vendors.Again:
		return vendorUnreachable, v.hinted(err)
	default:
		return vendorRefused, v.hinted(err)
	}
}

// hinted is what went wrong with a check and what to do: where no answer came, or
// one that knows no such call, the address may be wrong. What an error advises for
// events is of no use here.
func (v vendor) hinted(err error) string {
	said, status, class := err.Error(), vendors.StatusOf(err), vendors.ClassOf(err)
	address := "USHER_" + strings.ToUpper(v.name) + "_BASE_URL"
	if v.settings().BaseURL == "" {
		address = "the address in the settings of " + v.name
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

func (k vendorsCheckCmd) tell(a *app, found []vendorCheck) error {
	if k.JSON {
		return writeJSON(a.Stdout, found)
	}
	var rows [][]string
	for _, v := range found {
		rows = append(rows, []string{v.Vendor, v.State, v.Detail})
	}
	return a.print([]string{"vendor", "state", "detail"}, rows)
}
