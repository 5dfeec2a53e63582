package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/vendors/sandbox"
)

// tenant is a test tenant of Canvas in a process of its own, over the network.
type tenant struct {
	t    *testing.T
	root string // of the sandbox
	dir  string // with usher.yaml and canvas.yaml
}

const throwAway = "throw-away@example.org"

// startSandbox starts usher sandbox in a process of its own, and returns the output.
func startSandbox(t *testing.T, args ...string) string {
	t.Helper()
	p := exec.CommandContext(t.Context(), "usher", append([]string{"sandbox", "--addr", "127.0.0.1:0"}, args...)...)
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	said := make([]byte, 64<<10)
	n, err := io.ReadAtLeast(out, said, 1)
	if err != nil {
		t.Fatal(err)
	}
	return string(said[:n])
}

func startTenant(t *testing.T) tenant {
	t.Helper()
	said := startSandbox(t, "--instance", "school=canvas")
	_, rest, _ := strings.Cut(said, "their data: ")
	root, _, found := strings.Cut(rest, "/state")
	_, rest, _ = strings.Cut(rest, "# school ")
	base, _, foundToo := strings.Cut(strings.TrimSpace(rest), "\n")
	if !found || !foundToo {
		t.Fatalf("the sandbox said %s", said)
	}
	dir := t.TempDir()
	file, err := os.ReadFile("../../examples/vendors/canvas.yaml")
	if err != nil {
		t.Fatal(err)
	}
	settings := "worker: {call_lease: 3m}\nvendors:\n  school: {kind: http, file: canvas.yaml, base_url: \"" + base + "\", token: " + sandbox.CanvasToken + ", rate: 1000, timeout: 2m}\n"
	for name, text := range map[string]string{"canvas.yaml": string(file), "usher.yaml": settings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return tenant{t, root, dir}
}

// state returns the accounts at the tenant.
func (n tenant) state() sandbox.VendorState {
	n.t.Helper()
	return stateAt(n.t, n.root).Vendors["school"]
}

// stateAt returns the data of the sandbox at an address.
func stateAt(t testing.TB, root string) (all sandbox.State) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, root+"/state", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// trouble disturbs the calls with a text in the path or the body.
func (n tenant) trouble(query string) {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, n.root+"/control/school?mode=trouble&for=1h&"+query, http.NoBody)
	if err != nil {
		n.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode > 299 {
		n.t.Fatal(res, err)
	}
	_ = res.Body.Close()
}

// live is usher vendors test --live.
func (n tenant) live(ctx context.Context, stdin string, more ...string) (p *exec.Cmd, out, log *natstest.Log) {
	p = exec.CommandContext(ctx, "usher", append([]string{
		"--config", filepath.Join(n.dir, "usher.yaml"), "vendors", "test", filepath.Join(n.dir, "canvas.yaml"),
		"--live", "school", "--email", throwAway, "--course", "7",
	}, more...)...)
	out, log = &natstest.Log{}, &natstest.Log{}
	p.Stdin, p.Stdout, p.Stderr = strings.NewReader(stdin), out, log
	return p, out, log
}

func TestLiveAsksFirst(t *testing.T) {
	t.Parallel()
	n := startTenant(t)
	p, _, log := n.live(t.Context(), "no\n")
	if err := p.Run(); err == nil || !strings.Contains(log.String(), "Is that a test tenant?") || !strings.Contains(log.String(), "nothing was done") {
		t.Errorf("got %v after no, and %s", err, log)
	}
	if s := n.state(); len(s.Calls) > 0 {
		t.Errorf("got the calls %v before a yes, want none", s.Calls)
	}
	p, out, log := n.live(t.Context(), "yes\n")
	if err := p.Run(); err != nil {
		t.Fatalf("got %v\n%s\n%s", err, out, log)
	}
	for _, step := range []string{"find nobody", "create", "read no enrolment", "enroll", "read the enrolment", "unenroll", "disable", "enable", "delete again"} {
		if !strings.Contains(out.String(), step) {
			t.Errorf("got no step %q in\n%s", step, out)
		}
	}
	if s := n.state(); len(s.Users) != 1 || len(s.Live()) != 0 {
		t.Errorf("got %+v, want one user, deleted", s.Users)
	}
	for _, secret := range []string{throwAway, "throw-away", sandbox.CanvasToken} {
		if strings.Contains(out.String()+log.String(), secret) {
			t.Errorf("the output has %s", secret)
		}
	}
}

// TestLiveIsStopped ends the command in the middle of an update: an interrupt removes the user, and a
// kill leaves the user with a name.
func TestLiveIsStopped(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		signal os.Signal
		left   int
		says   string
	}{
		"interrupt": {os.Interrupt, 0, "stopped before the last step"},
		"kill":      {os.Kill, 1, "If this command is killed, look for an account"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startTenant(t)
			n.trouble("user=Changed&delay=5m")
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			p, out, log := n.live(ctx, "", "--yes")
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			natstest.Until(t, "the account is found", func() bool { return strings.Contains(out.String(), "find the account") })
			if err := p.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(); err == nil {
				t.Error("got success of a command that was stopped")
			}
			live := n.state().Live()
			if len(live) != test.left || !strings.Contains(log.String(), test.says) {
				t.Errorf("got %d accounts left, want %d, and\n%s\n%s", len(live), test.left, out, log)
			}
			if test.left > 0 && !strings.Contains(out.String(), "account "+live[0].ID) {
				t.Errorf("got no id of the account %s that is left in\n%s", live[0].ID, out)
			}
		})
	}
}

// TestLiveTellsWhatIsLeft lets the tenant refuse the deletion.
func TestLiveTellsWhatIsLeft(t *testing.T) {
	t.Parallel()
	n := startTenant(t)
	p, out, log := n.live(t.Context(), "", "--yes")
	n.trouble("user=accounts/1/users/&status=403")
	if err := p.Run(); err == nil || !strings.Contains(log.String(), "is still at the vendor: remove it there") {
		t.Errorf("got %v, want the account that is left\n%s\n%s", err, out, log)
	}
	if live := n.state().Live(); len(live) != 1 || !strings.Contains(log.String(), "the account "+live[0].ID+" is") {
		t.Errorf("got %+v at the tenant, and %s", live, log)
	}
}
