package process_test

import (
	"path/filepath"
	"testing"

	"github.com/usherhq/usher/tools/process"
)

// TestTreeIncludesChildren waits until the figures of a program with a busy child, that has not ended,
// exceed those of the program alone.
func TestTreeIncludesChildren(t *testing.T) {
	p, err := process.Start(filepath.Join(t.TempDir(), "shell.log"), nil, "/bin/sh", "-c", "(i=0; while [ $i -lt 5000000 ]; do i=$((i+1)); done) & wait") // an end, lest the child outlives a crash of the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	w := process.Wait{For: "the CPU and the memory of the child count", Needs: []*process.Process{p}}
	err = w.Until(t.Context(), func() bool { return p.TreeCPU() > process.CPUOf(p.PID())+0.05 && p.TreeMemory() > 0 })
	if err != nil {
		t.Error(err)
	}
}
