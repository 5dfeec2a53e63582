package foreign_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/chaos"
	"github.com/usherhq/usher/tools/foreign"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// kills runs a short form of chaos with a server as the only vendor: processes of usher serve are
// killed, frozen and cut off while the server loses calls and responses.
func kills(t *testing.T, server http.Handler) {
	t.Helper()
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	binaries, err := chaos.Build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := chaos.Short()
	c.Seed, c.Binaries, c.Users = 1, binaries, 60
	front := httptest.NewServer(foreign.Disturbed(server, c.Seed, c.Faults))
	t.Cleanup(front.Close)
	c.Vendors = []string{"scim"}
	c.Foreign = map[string]chaos.Foreign{"scim": {
		Environ: []string{"USHER_SCIM_BASE_URL=" + front.URL, "USHER_SCIM_TOKEN=" + foreign.Token},
		State:   func(ctx context.Context) (sandbox.VendorState, error) { return foreign.State(ctx, server) },
	}}
	begun := time.Now()
	report, err := chaos.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Tell(os.Stdout); err != nil {
		t.Error(err)
	}
	if report.Violations > 0 || report.Effects == 0 {
		t.Errorf("%d effects, %d violations, such as\n%s", report.Effects, report.Violations, strings.Join(report.Found(5), "\n"))
	}
	if !t.Failed() { // else the logs and stores are evidence
		if err := os.RemoveAll(report.Dir); err != nil {
			t.Error(err)
		}
	}
	t.Log(time.Since(begun))
}

func TestKillsAtElimity(t *testing.T) { kills(t, elimity(t)) }
