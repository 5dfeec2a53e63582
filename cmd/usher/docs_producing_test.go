package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProducerInGo builds and runs the program with nats.go of
// docs/producing-events.md. Those that need what is not among our dependencies run in
// make check-docs.
func TestProducerInGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, b := range block.FindAllStringSubmatch(string(read(t, filepath.Join("..", "..", "docs", "producing-events.md"))), -1) {
		if b[2] == "nats/main.go" {
			put(t, filepath.Join(dir, "main.go"), strings.TrimPrefix(b[3], "\n"))
		}
	}
	if unformatted := inTree(t, dir, "gofmt", "-l", "."); unformatted != "" {
		t.Errorf("gofmt would change %s", unformatted)
	}
	w := newWorld(t)
	w.serve()
	// As a program of this module, whose dependencies it needs and no others.
	program := filepath.Join(dir, "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, filepath.Join(dir, "main.go"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	newShell(t, dir, "NATS_URL="+w.nats).run(command{page: "docs/producing-events.md", text: program})
	w.expect("go-nats-1", everywhere)
	w.end()
}
