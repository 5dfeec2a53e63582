package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/streams"
)

// TestImportAfterKill imports 2,000 rows, kills the import in the middle, and runs it again: each
// user has one account, and NATS one event.
func TestImportAfterKill(t *testing.T) {
	t.Parallel()
	const rows, wrong = 2000, 1
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_USERMOST_RATE=0")
	settings := courses + "vendors:\n"
	for _, vendor := range []string{"miestro", "meiro", "lead", "magloft"} {
		settings += "  " + vendor + ": {mode: off}\n"
	}
	put(t, w.file, settings)
	w.serve()
	file := filepath.Join(t.TempDir(), "users.csv")
	text := "Nummer;Vorname;E-Mail;Klasse\n"
	for n := range rows - wrong {
		text += fmt.Sprintf("u-%d;Ada;ada-%d@example.org;7b\n", n, n)
	}
	put(t, file, text+"u-x;Bo;nothing;7b\n")
	args := []string{"import", file, "--map", "user_id=Nummer", "--map", "first_name=Vorname", "--map", "attributes.class=Klasse"}

	out, err := w.try(append(args, "--dry-run", "-o", "json")...)
	if cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(out, `"rows": 2000`) || !strings.Contains(out, `"line": 2001`) {
		t.Errorf("a dry run: %v\n%s", err, out)
	}
	if out, err = w.try(append(args, "--strict", "-o", "json")...); err == nil || !strings.Contains(out, `"sent": 0`) {
		t.Errorf("--strict with a wrong row: %v\n%s", err, out)
	}
	first := exec.CommandContext(t.Context(), "usher", append([]string{"--config", w.file, args[0], args[1], "--rate", "200"}, args[2:]...)...)
	first.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, w.environ...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	reported := func() int {
		report, _ := os.ReadFile(file + ".report.jsonl")
		return bytes.Count(report, []byte("\n"))
	}
	w.until("300 rows are in the report", func() bool { return reported() > 300 })
	_ = first.Process.Kill()
	_ = first.Wait()

	out, err = w.try(append(args, "--rate", "0", "-o", "json")...)
	var done struct{ Rows, Sent, Known, Earlier, Invalid int }
	if err := errors.Join(err, json.Unmarshal([]byte(out), &done)); cli.ExitCode(err) != cli.ExitFailed {
		t.Fatalf("the second run: %v\n%s", err, out)
	}
	if done.Earlier < 300 || done.Sent+done.Known+done.Earlier != rows-wrong || done.Invalid != wrong {
		t.Errorf("the second run: %+v", done)
	}
	out, err = w.try(args...)
	if want := fmt.Sprintf("%d rows: %d sent by an earlier run, %d not valid\n", rows, rows-wrong, wrong); out != want || err == nil {
		t.Errorf("the third run: %v, got %s, want %s", err, out, want)
	}
	w.until("all users have an account", func() bool { return w.happened("--vendor", "usermost", "--outcome", "done") >= rows-wrong })
	if n := w.stored(w.streams(), streams.EventsStream); n != rows-wrong {
		t.Errorf("%d events are stored, want one for each valid row: %d", n, rows-wrong)
	}
	report, err := os.ReadFile(file + ".report.jsonl")
	if err != nil || bytes.Contains(report, []byte("@example")) || reported() != rows {
		t.Errorf("the report has %d lines, want one for each row, without an e-mail: %v", reported(), err)
	}
	w.end()
}
