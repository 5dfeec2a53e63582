//go:build recovery_clock

package recovery_test

import (
	"fmt"
	"testing"

	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/recovery"
)

// One of two processes has a wrong clock. The test has a build tag, since the first build of a
// usher whose clock can be wrong takes minutes.
func TestClock(t *testing.T) {
	c := config(t)
	flags, err := environment.ClockFlags(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if c.Binaries, err = environment.Build(t.Context(), t.TempDir(), flags...); err != nil {
		t.Fatal(err)
	}
	for _, ahead := range []int{20, -20} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			r := &recovery.ClockReport{Ahead: ahead}
			err := recovery.Clock(t.Context(), c, "usermost", r)
			judge(t, r, r.Faults, err)
			wrong := []string{fmt.Sprint("CLOCK_AHEAD=", ahead)}
			f, err := recovery.Failover(t.Context(), c, "usermost", [2][]string{wrong, nil})
			judge(t, f, f.Faults, err)
		})
	}
}
