package process_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/tools/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell starts a shell script and waits until the script is ready.
func shell(t *testing.T, script string) *process.Process {
	t.Helper()
	t.Setenv("USHER_INHERITED", "yes")
	p, err := process.Start(filepath.Join(t.TempDir(), "shell.log"), []string{"USHER_GIVEN=yes"}, "/bin/sh", "-c", script+"\necho ready; while :; do sleep 0.01; done")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	prints(t, p, "ready")
	return p
}

// prints waits until a program has printed a text.
func prints(t *testing.T, p *process.Process, text string) {
	t.Helper()
	w := process.Wait{For: "the program prints " + text}
	if err := w.Until(t.Context(), func() bool { return strings.Contains(p.Output(), text) }); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironmentIsNotInherited(t *testing.T) {
	p := shell(t, `echo "inherited: $USHER_INHERITED, given: $USHER_GIVEN."`)
	prints(t, p, "inherited: , given: yes.")
}

func TestStopLetsTheProgramShutDown(t *testing.T) {
	p := shell(t, `trap 'echo shut down; exit' TERM`)
	if err := p.Stop(2 * time.Minute); err != nil {
		t.Error(err)
	}
	if got := p.Output(); !strings.Contains(got, "shut down") || !p.Ended() || !p.EndExpected() {
		t.Errorf("got %q, ended %v, end expected %v", got, p.Ended(), p.EndExpected())
	}
}

func TestStopKillsAfterLimit(t *testing.T) {
	p := shell(t, `trap '' TERM`)
	if err := p.Stop(10 * time.Millisecond); err == nil || !p.Ended() {
		t.Errorf("got %v, ended %v; want an error and an end", err, p.Ended())
	}
}

func TestThawResumesFrozenProgram(t *testing.T) {
	p := shell(t, `trap 'echo thawed; exit' TERM`)
	p.Freeze()
	if err := p.Stop(50 * time.Millisecond); err == nil || strings.Contains(p.Output(), "thawed") {
		t.Errorf("got %v and %q; a frozen program cannot shut down", err, p.Output())
	}
	p = shell(t, `trap 'echo thawed; exit' TERM`)
	p.Freeze()
	p.Thaw()
	if err := p.Stop(2 * time.Minute); err != nil || !strings.Contains(p.Output(), "thawed") {
		t.Errorf("got %v and %q", err, p.Output())
	}
}

func TestWaitFailsWhenTheProgramEnds(t *testing.T) {
	p := shell(t, `trap 'echo out of memory; exit 1' TERM`)
	_ = p.Stop(2 * time.Minute)
	err := process.Wait{For: "nothing", Needs: []*process.Process{p}}.Until(t.Context(), func() bool { return false })
	if err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("got %v, want an error with the program's output", err)
	}
}
