package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/usherhq/usher/tools/chaos"
	"github.com/usherhq/usher/tools/process"
)

// TestEndpoint kills the endpoint and NATS under load, and checks that EVENTS contains all events
// answered with 202.
func TestEndpoint(t *testing.T) {
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	c := chaos.ShortEndpoint()
	if *full {
		c = chaos.FullEndpoint()
	}
	var err error
	if c.Binaries, err = chaos.Build(t.Context(), t.TempDir(), ""); err != nil {
		t.Fatal(err)
	}
	c.Seed = *first
	report, err := chaos.RunEndpoint(t.Context(), c)
	if report != nil {
		fmt.Println("endpoint:", report)
	}
	if err != nil {
		t.Fatal(err)
	}
	if report.Answered != c.Events || len(report.Missing) > 0 {
		t.Errorf("%d of %d events answered with 202, %d of these missing, such as %v; logs and stores are in %s",
			report.Answered, c.Events, len(report.Missing), report.Missing[:min(5, len(report.Missing))], report.Dir)
	}
	if report.Within > 0 {
		t.Errorf("%d events are stored more than once within the duplicate window; logs and stores are in %s", report.Within, report.Dir)
	}
	if report.Died > 0 {
		t.Errorf("%d processes ended unexpectedly; logs and stores are in %s", report.Died, report.Dir)
	}
	if !t.Failed() {
		if err := os.RemoveAll(report.Dir); err != nil {
			t.Error(err)
		}
	}
}
