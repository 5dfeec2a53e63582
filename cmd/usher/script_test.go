package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/natstest"
)

// TestMain lets scripts call usher: this binary under another name. It fails
// where the tests leave a goroutine behind.
func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"usher": main})
}

// leakless is the tests, and that they leave no goroutine behind.
type leakless struct{ tests *testing.M }

// Run runs them and returns the exit code.
func (l leakless) Run() int {
	natstest.Parallel(4)
	code := l.tests.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines that the tests left behind:", err)
		return cli.ExitFailed
	}
	return 0
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "appears": appears},
	})
}

// exits runs a command that must end with an exit code: exits 2 usher nothing.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [arguments]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code: got %d, want %d", got, want)
	}
}

// appears waits until a file is there.
func appears(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(natstest.Patience)
	for _, name := range args {
		for _, err := os.Stat(ts.MkAbs(name)); err != nil; _, err = os.Stat(ts.MkAbs(name)) {
			if time.Now().After(deadline) {
				ts.Fatalf("%s does not appear", name)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
