package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// TestReloadOfSeveralProcesses reloads two processes, of which one has a faulty file, and ends that one.
func TestReloadOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_CONSOLE_TOKENS="+consoleToken)
	_, ended := w.process()
	other := w.with(t)
	other.file, other.environ = filepath.Join(t.TempDir(), "usher.yaml"), append(slices.Clone(w.environ), "USHER_HTTP_ADDR=off")
	put(t, other.file, courses)
	second, secondEnded := other.process()
	w.until("both processes are present", func() bool { return len(w.processes()) == 2 })

	put(t, other.file, "courses: [go-basics]\n") // a list
	out, err := w.try("config", "reload", "--as", "ann", "--reason", "a test")
	if cli.ExitCode(err) != cli.ExitFailed || strings.Count(out, "\treloaded\t") != 1 || strings.Count(out, "\trefused\tthe old configuration stays in use: ") != 1 {
		t.Errorf("usher config reload: %v\n%s", err, out)
	}
	if audit := w.must("audit", "--json"); strings.Count(audit, streams.ConfigurationReloaded) != 2 || !strings.Contains(audit, `"outcome":"requested"`) || !strings.Contains(audit, `"outcome":"refused"`) || !strings.Contains(audit, `"ann"`) || !strings.Contains(audit, `"a test"`) {
		t.Errorf("usher audit: %s", audit)
	}
	browser, _ := w.operator(url)
	page := w.page(browser, http.MethodGet, url+"/console/configuration", nil)
	if strings.Count(page, "data-process=") != 2 || strings.Count(page, "courses: cannot be") != 1 {
		t.Errorf("the console shows other processes:\n%s", page)
	}

	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := natstest.Receive(t, "the end of the second process", secondEnded); err != nil {
		t.Error(err)
	}
	if left := w.processes(); len(left) != 1 || len(left[0].Faults) != 0 {
		t.Errorf("got %+v, want the first process alone", left)
	}
	out = w.must("config", "reload")
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, "\treloaded\tthe configuration is in use") {
		t.Errorf("usher config reload: %s", out)
	}
	select {
	case err := <-ended:
		t.Errorf("the first process has ended: %v", err)
	default:
	}
}

// processes returns the processes that usher status lists.
func (w *world) processes() []streams.Configuration {
	out, _ := w.try("status", "--json") // the exit code says that something needs attention
	var now struct{ Processes []streams.Configuration }
	_ = json.Unmarshal([]byte(out), &now)
	return now.Processes
}

// TestReloadOfKilledProcess kills a process: its state expires.
func TestReloadOfKilledProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	serve, ended := w.process()
	w.until("the process is present", func() bool { return len(w.processes()) == 1 })
	if err := serve.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := natstest.Receive(t, "the end of the process", ended); err == nil {
		t.Error("the process has ended by itself")
	}
	w.until("the process is gone", func() bool { return len(w.processes()) == 0 })
	if _, err := w.try("config", "reload", "--wait", "1s"); err == nil || !strings.Contains(err.Error(), "is usher serve running") {
		t.Errorf("got %v, want that nobody answers", err)
	}
}

// TestReloadOfConfigMap swaps the link to a folder, as Kubernetes does after a change of a config map.
func TestReloadOfConfigMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_HTTP_TOKENS=") })
	const first, second = "0123456789abcdef", "fedcba9876543210"
	dir := t.TempDir()
	version := func(name, token string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name, "usher.yaml"), courses+"http:\n  tokens: [\""+token+"\"]\n")
		link := filepath.Join(dir, "..data_tmp")
		if err := os.Symlink(name, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..2026_01", first)
	w.file = filepath.Join(dir, "usher.yaml")
	if err := os.Symlink(filepath.Join("..data", "usher.yaml"), w.file); err != nil {
		t.Fatal(err)
	}
	serve, ended := w.process()
	w.waitLog(`"serving"`, 1)
	if !accepts(t, url, first) || accepts(t, url, second) {
		t.Error("the first token is not accepted, or another one is")
	}
	version("..2026_02", second)
	if err := os.RemoveAll(filepath.Join(dir, "..2026_01")); err != nil {
		t.Fatal(err)
	}
	w.until("the new token is accepted", func() bool { return accepts(t, url, second) && !accepts(t, url, first) })
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := natstest.Receive(t, "the end of serve", ended); err != nil {
		t.Error(err)
	}
}
