package environment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// startSandbox starts usher sandbox. Only one vendor is turned on.
func (e *Environment) startSandbox(ctx context.Context) (err error) {
	_, e.sandbox, err = e.start(ctx, program{
		name: "sandbox", file: e.config.Binaries.Usher, args: []string{"sandbox", "--addr", "127.0.0.1:0"}, before: "their data: http://",
	})
	if err != nil {
		return err
	}
	prefix := "USHER_" + strings.ToUpper(e.config.Vendor) + "_"
	for _, variable := range sandbox.Environ(e.sandbox) {
		if strings.HasPrefix(variable, prefix) && !strings.HasPrefix(variable, prefix+"RATE=") {
			e.environ = append(e.environ, variable)
		}
	}
	return e.Until(ctx, 0, "the stand-in answers", func() bool { _, err := e.State(ctx); return err == nil })
}

// Sandbox returns the address of the stand-in.
func (e *Environment) Sandbox() string { return e.sandbox }

// Control asks the stand-in for a trouble, such as "mode=down".
func (e *Environment) Control(ctx context.Context, query url.Values) error {
	query.Set("for", "1h")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.sandbox+"/control/"+e.config.Vendor+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("control %s: status %d", query.Encode(), response.StatusCode)
	}
	return nil
}

// State returns what the vendor holds.
func (e *Environment) State(ctx context.Context) (sandbox.VendorState, error) {
	var s sandbox.State
	err := process.GetJSON(ctx, "http://"+e.sandbox+"/state", &s)
	return s.Vendors[e.config.Vendor], err
}

// Calls returns how many calls a vendor has got.
func Calls(s sandbox.VendorState) (sum int) {
	for _, n := range s.Calls {
		sum += n
	}
	return sum
}
