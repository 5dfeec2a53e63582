package hostile_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/hostile"
	"github.com/usherhq/usher/tools/process"
)

var minutes = flag.Int("hostile.minutes", 0, "attack for so many minutes; 0: the short form")

// TestMain fails if the tests leave a goroutine behind. A look takes half a second, which is too short for the
// ends of many connections on a machine busy with killed processes.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		left := goleak.Find()
		for looks := 1; left != nil && looks < 60; looks++ {
			left = goleak.Find()
		}
		if left != nil {
			fmt.Fprintf(os.Stderr, "goroutines that the tests left behind: %v\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

// TestHostile attacks a process, and fails if the process dies, takes far more memory than in calm,
// or harms a healthy user.
func TestHostile(t *testing.T) {
	c := hostile.Short()
	if *minutes > 0 {
		c = hostile.Full(*minutes)
	}
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.Binaries, err = environment.Build(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	report, err := hostile.Run(t.Context(), c)
	if report != nil {
		fmt.Print(report)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range report.Faults() {
		t.Error(fault)
	}
}

// The judge must notice memory, refused requests and missing attacks.
func TestFaults(t *testing.T) {
	calm := hostile.Phase{Memory: 200 << 20, Users: 3}
	for name, test := range map[string]struct {
		beside hostile.Phase
		want   string
	}{
		"too much memory":      {hostile.Phase{Memory: 401 << 20, Users: 3}, "memory: 401 MiB"},
		"no user":              {hostile.Phase{Memory: 300 << 20}, "no healthy user"},
		"a refused user":       {hostile.Phase{Memory: 300 << 20, Users: 3, Refused: 1}, "1 requests"},
		"too few attacks made": {hostile.Phase{Memory: 300 << 20, Users: 3}, "only 0 kinds"},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&hostile.Report{Calm: calm, Beside: test.beside}).Faults()
			if !strings.Contains(strings.Join(got, "\n"), test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
