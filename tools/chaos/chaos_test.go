package chaos_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/chaos"
	"github.com/usherhq/usher/tools/process"
)

var (
	full    = flag.Bool("chaos.full", false, "play the full form, not the short one")
	cluster = flag.Bool("chaos.cluster", false, "play on three NATS servers")
	seeds   = flag.Int("chaos.seeds", 1, "how many seeds are played")
	first   = flag.Uint64("chaos.seed", 1, "the first seed")
	users   = flag.Int("chaos.users", 0, "how many users there are; 0: as many as the form has")
)

// form returns the configuration of the flags.
func form() chaos.Config {
	c := chaos.Short()
	if *full {
		c = chaos.Full()
	}
	if *users > 0 {
		c.Users = *users
	}
	if *cluster {
		c.Nodes = 3
	}
	return c
}

// play runs one seed in a temporary directory, which remains after a violation.
func play(t *testing.T, c chaos.Config) *chaos.Report {
	t.Helper()
	report, err := chaos.Run(t.Context(), c)
	if err != nil {
		t.Error(err)
	}
	if report == nil {
		t.FailNow()
	}
	if err := report.Tell(os.Stdout); err != nil {
		t.Error(err)
	}
	if report.Violations == 0 && err == nil {
		if err := os.RemoveAll(report.Dir); err != nil {
			t.Error(err)
		}
	}
	return report
}

// TestChaos runs seeds and checks the invariants of docs/design.md, section 12: without rules of a
// team, and with rules. The short forms run side by side.
func TestChaos(t *testing.T) {
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	binaries, err := chaos.Build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	plain := form()
	plain.Binaries = binaries
	ruled := chaos.Rules(plain)
	if !*full {
		ruled.Users, ruled.Span = 60, 5*time.Second
	}
	for name, c := range map[string]chaos.Config{"plain": plain, "rules": ruled} {
		t.Run(name, func(t *testing.T) {
			if !*full {
				t.Parallel()
			}
			playSeeds(t, c)
		})
	}
}

// playSeeds plays the seeds of the flags.
func playSeeds(t *testing.T, c chaos.Config) {
	t.Helper()
	var sums chaos.Report
	begun := time.Now()
	for i := range *seeds {
		c.Seed = *first + uint64(i)
		report := play(t, c)
		sums.Add(report)
		if report.Violations > 0 {
			t.Errorf("seed %d: %d violations, such as\n%s", c.Seed, report.Violations, strings.Join(report.Found(5), "\n"))
		}
	}
	fmt.Printf("%s: all %d seeds in %s: %s\n", t.Name(), *seeds, time.Since(begun).Round(time.Second), &sums)
}

// TestChaosOfShapes runs the short form on each shape of NATS: in the full form all, else two.
func TestChaosOfShapes(t *testing.T) {
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	binaries, err := chaos.Build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := chaos.Short()
	c.Binaries = binaries
	shapes := chaos.Shapes(c)
	if !*full {
		maps.DeleteFunc(shapes, func(name string, _ chaos.Config) bool { return name != "import" && name != "mirror" })
	}
	for name, c := range shapes {
		t.Run(name, func(t *testing.T) {
			if !*full {
				c.Users, c.Span = 30, 4*time.Second
				t.Parallel()
			}
			playSeeds(t, c)
		})
	}
}

// TestChaosOfSCIM runs the short form with a SCIM server as the only vendor.
func TestChaosOfSCIM(t *testing.T) {
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	binaries, err := chaos.Build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := form()
	c.Seed, c.Binaries, c.Vendors = *first, binaries, []string{"scim"}
	if report := play(t, c); report.Violations > 0 || report.Effects == 0 {
		t.Errorf("%d effects, %d violations, such as\n%s", report.Effects, report.Violations, strings.Join(report.Found(5), "\n"))
	}
}

// TestChaosOfFiles runs the vendors of kind http, the twins of the adapters and the shipped files: in the
// full form one after the other, else at once.
func TestChaosOfFiles(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if err := process.ReadSources(root); err != nil {
		t.Fatal(err)
	}
	binaries, err := chaos.Build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	c := form()
	c.Binaries, c.Root = binaries, root
	if !*full {
		c.Users, c.Span, c.Vendors = 40, 5*time.Second, chaos.Files()
		playSeeds(t, c)
		return
	}
	for _, vendor := range chaos.Files() {
		t.Run(vendor, func(t *testing.T) {
			c.Vendors = []string{vendor}
			playSeeds(t, c)
		})
	}
}
