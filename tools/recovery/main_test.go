package recovery_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// programs is the directory of the programs under test.
var programs string

// TestMain fails if the tests leave a goroutine behind.
func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "usher-recovery-programs-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(programs)
		os.Exit(code)
	}))
}
