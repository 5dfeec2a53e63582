package recovery_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/tools/recovery"
)

var full = flag.Bool("recovery.full", false, "play the full form, with the limits and sizes of production")

// build builds the programs once for all tests.
var build = sync.OnceValues(func() (environment.Binaries, error) {
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		return environment.Binaries{}, err
	}
	return environment.Build(context.Background(), programs)
})

// config returns the form that the flags ask for.
func config(t *testing.T) recovery.Config {
	t.Helper()
	binaries, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return recovery.Config{Binaries: binaries, Full: *full}
}

// judge prints a report, and fails on each fault.
func judge(t *testing.T, report fmt.Stringer, faults []string, err error) {
	t.Helper()
	fmt.Println(report)
	if err != nil {
		t.Error(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

// The owner of a vendor is killed while calls are in flight.
func TestFailover(t *testing.T) {
	t.Parallel()
	for _, vendor := range []string{"miestro", "usermost"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			r, err := recovery.Failover(t.Context(), config(t), vendor, [2][]string{})
			judge(t, r, r.Faults, err)
		})
	}
}

// Streams are purged and deleted under load.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, r := range damages() {
		t.Run(fmt.Sprintf("%s/%s/kill=%v", r.Name, r.Vendor, r.Kill), func(t *testing.T) {
			t.Parallel()
			err := recovery.Damage(t.Context(), config(t), r)
			judge(t, r, r.Faults, err)
		})
	}
}

// damages returns every damage at two vendors, with and without a kill; in the short form each
// damage once, without a kill.
func damages() (list []*recovery.DamageReport) {
	vendors := []string{"miestro", "usermost"}
	for i, name := range recovery.Damages {
		if !*full {
			list = append(list, &recovery.DamageReport{Name: name, Vendor: vendors[i%len(vendors)]})
			continue
		}
		for _, vendor := range vendors {
			list = append(list, &recovery.DamageReport{Name: name, Vendor: vendor}, &recovery.DamageReport{Name: name, Vendor: vendor, Kill: true})
		}
	}
	return list
}

// Three processes work off a backlog at the rate of a vendor, and one is killed.
func TestRate(t *testing.T) {
	t.Parallel()
	r, err := recovery.Rate(t.Context(), config(t))
	judge(t, r, r.Faults, err)
}

// Serve starts with many done events behind an effect that waits.
func TestBacklog(t *testing.T) {
	if !*full { // else the events would disturb the stopwatch of others
		t.Parallel()
	}
	r, err := recovery.Backlog(t.Context(), config(t))
	judge(t, r, r.Faults, err)
}
