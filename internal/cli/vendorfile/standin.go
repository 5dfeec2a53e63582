package vendorfile

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/httpapi/filetest"
)

// notTried begins the line of an operation that was not tried.
const notTried = "not tried: "

// standIn runs the tests in a process of their own: the machinery of go test ends the process.
func (c TestCmd) standIn(ctx context.Context, a *app.App) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	var said bytes.Buffer
	k := exec.CommandContext(ctx, program, "vendors", "test", c.File, "--here") //nolint:gosec // this program, with the file of the command
	k.Args[0], k.Env, k.Stdout, k.Stderr = os.Args[0], a.Environ, io.MultiWriter(a.Stdout, &said), a.Stderr
	if err := k.Run(); err != nil {
		return fmt.Errorf("the file does not pass: %w", err)
	}
	for _, group := range slices.Sorted(maps.Keys(filetest.LeftOut)) {
		_, _ = fmt.Fprintf(a.Stdout, "left out: the tests of %s: %s\n", group, filetest.LeftOut[group])
	}
	_, _ = fmt.Fprintln(a.Stdout, headline(said.String()))
	return nil
}

// headline returns the result of tests that passed, with the operations not tried.
func headline(said string) string {
	var left []string
	for line := range strings.Lines(said) {
		if rest, ok := strings.CutPrefix(line, notTried); ok {
			operation, _, _ := strings.Cut(rest, ":")
			left = append(left, operation)
		}
	}
	if len(left) == 0 {
		return "passed: nothing was made twice, and every bad answer was understood"
	}
	return fmt.Sprintf("passed, except for what was not tried, as said above: %s; --live tries this at a test tenant", strings.Join(left, ", "))
}

// here runs the tests of the suite for adapters in Go, and ends the process.
func (c TestCmd) here(a *app.App, f *httpapi.File) error {
	testing.Init()
	if err := flag.CommandLine.Parse(nil); err != nil {
		return err
	}
	var able map[string]error
	tests := []testing.InternalTest{{Name: "once", F: func(t *testing.T) {
		var twice []string
		synctest.Test(t, func(*testing.T) { able, twice = filetest.Able(f), filetest.Once(f) })
		for _, fault := range twice {
			t.Error(fault)
		}
		for _, op := range slices.Sorted(maps.Keys(able)) {
			if able[op] != nil {
				_, _ = fmt.Fprintf(a.Stdout, "%s%s: the stand-in has no answer that the file accepts: %v\n", notTried, op, able[op])
			}
		}
	}}}
	if !f.Has("create") {
		_, _ = fmt.Fprintln(a.Stdout, notTried+"lost answers: the file has no create")
	}
	tests = append(tests, testing.InternalTest{Name: "answers", F: func(t *testing.T) {
		if able["create"] != nil || able["enroll"] != nil {
			_, _ = fmt.Fprintln(a.Stdout, notTried+"bad answers: the suite begins with an account and an enrolment")
			return
		}
		filetest.Answers(t, f)
	}})
	testing.Main(func(string, string) (bool, error) { return true, nil }, tests, nil, nil)
	return nil
}
