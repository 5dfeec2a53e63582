package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
)

// Commands for people on call look and act beside a half-edited file. A fault in the settings of NATS
// ends them, and so does any fault a command that makes events.
func TestHalfEditedFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.feedAll(people(events.UserCreated, 1, 2))
	w.until("an account is active", func() bool { out, err := w.try("user", "u1"); return err == nil && strings.Contains(out, "active") })
	half := filepath.Join(t.TempDir(), "half.yaml")
	write := func(text string) {
		if err := os.WriteFile(half, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	try := func(args ...string) (code int, output string) {
		var out, stderr bytes.Buffer
		err := run(t.Context(), app.Environment{Args: append([]string{"--config", half}, args...), Environ: w.environ, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &stderr})
		if err != nil {
			code = cli.ExitCode(err)
		}
		return code, stderr.String() + fmt.Sprint(err)
	}
	for fault, text := range map[string]string{
		"unknown key":     "worker: {ack_wiat: 3s}",
		"cannot be":       "deletions: {count: many}\nworker: {hold_retry: -1s}",
		"not YAML":        "worker: {ack_wait: 3s\nnats:\n\t- x",
		"cannot be one":   "courses",
		"no such":         "vendors: {lead: {kind: acme}}",
		"not configured ": "webhooks: {a: {data: {x: '('}}}\nnotify: {targets: [{name: x}]}",
	} {
		write(text)
		for _, args := range [][]string{
			{"status"},
			{"user", "u1"},
			{"event", "event-1"},
			{"dead", "list"},
			{"results", "--vendor", "lead"},
			{"audit"},
			{"approve", "deletions", "--list"},
			{"pause", "lead", "--reason", "a test"},
			{"resume", "lead"},
		} {
			code, stderr := try(args...)
			if code == cli.ExitUsage || !strings.Contains(stderr, "usher: the configuration has ") || !strings.Contains(stderr, "ignored here: "+half) {
				t.Errorf("%s: %v: got exit code %d, %s", fault, args, code, stderr)
			}
		}
		if code, stderr := try("resync", "u1"); code != cli.ExitUsage || !strings.Contains(stderr, half) {
			t.Errorf("%s: resync: got exit code %d, %s", fault, code, stderr)
		}
	}
	write("nats: {replicas: 2}")
	if code, stderr := try("status"); code != cli.ExitUsage || !strings.Contains(stderr, "nats.replicas") {
		t.Errorf("a fault in nats: got exit code %d, %s", code, stderr)
	}
	w.end()
}
