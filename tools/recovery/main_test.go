package recovery_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// programs is the directory of the programs under test.
var programs string

// parallel is the number of trials at a time, unless the command line has another: most of a trial
// is waiting.
const parallel = "6"

// TestMain fails if the tests leave a goroutine behind.
func TestMain(m *testing.M) {
	err := flag.Set("test.parallel", parallel)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if programs, err = os.MkdirTemp("", "usher-recovery-programs-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(programs)
		os.Exit(code)
	}))
}
