package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/vendors/sandbox"
)

// world is a NATS server, stand-ins for the vendors, and an usher serve.
type world struct {
	t       testing.TB
	environ []string
	file    string
	nats    string
	stands  *sandbox.Sandbox
	ended   chan error
	stop    context.CancelFunc
	log     *natstest.Log
	server  *server.Server // of natsServer, if a test needs it
}

const courses = `courses:
  go-basics:
    miestro: 1
    lead: 12
`

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, "")
}

// newWorldOn is a world whose NATS server has the data of a folder; empty: none.
func newWorldOn(t testing.TB, dir string) *world {
	t.Helper()
	alone := natstest.Start(t, natsconn.EmbeddedOptions{Addr: "127.0.0.1:0", Dir: dir})
	stands, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	t.Cleanup(web.Close)
	w := &world{t: t, nats: alone.URL(), stands: stands, log: &natstest.Log{}, ended: make(chan error, 1)}
	w.file = filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(w.file, []byte(courses), 0o600); err != nil {
		t.Fatal(err)
	}
	w.environ = append(sandbox.Environ(strings.TrimPrefix(web.URL, "http://")),
		"USHER_NATS_URL="+alone.URL(), "USHER_HTTP_ADDR=off",
	)
	w.environ = append(w.environ, limits(5*time.Second)...)
	return w
}

// limits returns settings with a limit for one call to a vendor, and with those limits that
// have to be longer. Long limits are kept by a busy machine, too. Short limits are for tests
// in which a message comes back after AckWait.
func limits(call time.Duration) (environ []string) {
	for _, vendor := range []string{"MIESTRO", "MEIRO", "LEAD", "MAGLOFT", "USERMOST"} {
		environ = append(environ, fmt.Sprintf("USHER_%s_TIMEOUT=%s", vendor, call))
	}
	return append(environ, fmt.Sprint("USHER_WORKER_CALL_LEASE=", call+time.Second),
		fmt.Sprint("USHER_WORKER_ACK_WAIT=", call+2*time.Second), fmt.Sprint("USHER_WORKER_SHUTDOWN=", call+3*time.Second))
}

// with is the world as a subtest sees it.
func (w world) with(t *testing.T) *world {
	w.t = t
	return &w
}

// serve starts usher serve, and waits until it has what it works on.
func (w *world) serve() {
	w.t.Helper()
	w.begin()
	w.until("serve serves", func() bool {
		select {
		case err := <-w.ended:
			w.t.Fatalf("serve ended early: %v", err)
		default:
		}
		return strings.Contains(w.log.String(), `"serving"`)
	})
}

// waitLog waits until the log of serve contains words so many times.
func (w *world) waitLog(words string, times int) {
	w.t.Helper()
	w.until("serve says "+words, func() bool { return strings.Count(w.log.String(), words) >= times })
}

// begin starts usher serve.
func (w *world) begin() {
	ctx, stop := context.WithCancel(w.t.Context())
	w.stop = stop
	done := make(chan struct{})
	go func() {
		err := run(ctx, app.Environment{Args: []string{"--config", w.file, "serve"}, Environ: w.environ, Stderr: w.log, Stdout: w.log})
		close(done)
		w.ended <- err
	}()
	w.t.Cleanup(func() {
		stop()
		<-done // before the server ends, so that a test run alone leaves no goroutine behind
		w.discreet()
		if w.t.Failed() {
			w.t.Logf("the log of serve:\n%s", w.log)
		}
	})
}

// discreet looks through all that serve and the commands have logged for e-mails
// and secrets: of every test that starts serve.
func (w *world) discreet() {
	w.t.Helper()
	text := w.log.String()
	if strings.Contains(strings.ToLower(text), "@example.org") {
		w.t.Error("an e-mail stands in the log")
	}
	for _, variable := range w.environ {
		name, value, _ := strings.Cut(variable, "=")
		for _, kind := range []string{"_SECRET", "_PASSWORD", "_TOKEN", "_TOKENS", "_API_KEY", "_LICENSE_CODE"} {
			if strings.HasSuffix(name, kind) && strings.Contains(text, value) {
				w.t.Errorf("the value of %s stands in the log", name)
			}
		}
	}
}

// try runs a command of usher, with no input.
func (w *world) try(args ...string) (string, error) { return w.feed("", args...) }

// feed runs a command of usher with an input.
func (w *world) feed(input string, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(w.t.Context(), app.Environment{
		Args: append([]string{"--config", w.file}, args...), Environ: w.environ,
		Stdin: strings.NewReader(input), Stdout: &out, Stderr: w.log,
	})
	return out.String(), err
}

// must is try where nothing may fail.
func (w *world) must(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatalf("usher %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	natstest.Until(w.t, what, ok)
}

// send sends events through usher send.
func (w *world) send(want string, lines ...string) {
	w.t.Helper()
	out, err := w.feed(strings.Join(lines, "\n"), "send", "--json")
	if err != nil {
		w.t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(out), ""); got != want {
		w.t.Fatalf("send: got %s, want %s", got, want)
	}
}

// outcomes are what the results of an event say, by vendor, as usher results
// --json tells them.
func (w *world) outcomes(id string) map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(w.must("results", "--json", "--event", id)) {
		e, err := events.Parse([]byte(line))
		if err != nil {
			w.t.Fatal(err)
		}
		var r events.Result
		if err := json.Unmarshal(e.Data(), &r); err != nil {
			w.t.Fatal(err)
		}
		if found[r.Vendor] != "" {
			w.t.Errorf("event %s has a second result at %s", id, r.Vendor)
		}
		found[r.Vendor] = r.Outcome
	}
	return found
}

// expect waits for the results of an event and compares them.
func (w *world) expect(id string, want map[string]string) {
	w.t.Helper()
	w.until("the results of "+id, func() bool { return len(w.outcomes(id)) >= len(want) })
	if got := w.outcomes(id); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("event %s: got %v, want %v", id, got, want)
	}
}

func cloudEvent(kind, id, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/school","type":%q,"time":"2026-09-01T08:00:00Z","data":%s}`, id, kind, data)
}
