package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/notify"
	"github.com/usherhq/usher/vendors/sandbox"
)

// onCall is a receiver of notifications with verified signatures.
type onCall struct {
	*httptest.Server
	secret string
	mu     sync.Mutex
	got    []notification
	status int
}

type notification struct {
	Type string
	Data struct{ Cause, Summary, Vendor, Console string }
}

func newOnCall(t *testing.T) *onCall {
	t.Helper()
	o := &onCall{secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("the key of the people on call, 32")), status: http.StatusOK}
	hook, err := standardwebhooks.NewWebhook(o.secret)
	if err != nil {
		t.Fatal(err)
	}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var n notification
		if err != nil || hook.Verify(body, r.Header) != nil || json.Unmarshal(body, &n) != nil {
			t.Errorf("the message is not good: %v %s", err, body)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.got = append(o.got, n)
		w.WriteHeader(o.status)
		_, _ = w.Write([]byte("thanks\n"))
	}))
	t.Cleanup(o.Close)
	return o
}

// has reports whether a message of a type and cause has come.
func (o *onCall) has(typ, cause string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.got, func(n notification) bool { return n.Type == typ && n.Data.Cause == cause })
}

// TestNotifications lets Miestro refuse the credentials, adds a target while usher serve runs, and mends
// the credentials.
func TestNotifications(t *testing.T) {
	t.Parallel()
	w, o := newWorld(t), newOnCall(t)
	secret := filepath.Join(t.TempDir(), "miestro.secret")
	put(t, secret, sandbox.WrongCredential)
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_MIESTRO_API_SECRET=") })
	w.environ = append(w.environ, "USHER_MIESTRO_API_SECRET_FILE="+secret, "USHER_WORKER_HOLD_RETRY=300ms")
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
	w.until("Miestro is on hold", func() bool { return strings.Contains(w.log.String(), "vendor on hold") })
	address := o.URL + "/hidden-path"
	put(t, w.file, courses+"notify:\n  every: 1s\n  targets:\n    - {name: on-call, url: \""+address+"\", secrets: [\""+o.secret+"\"]}\n")
	w.until("a message comes", func() bool { return o.has("usher.credentials.firing", "credentials.miestro") })
	put(t, secret, sandbox.MiestroAPISecret)
	w.until("the end comes", func() bool { return o.has("usher.credentials.resolved", "credentials.miestro") })
	if strings.Contains(w.log.String(), "hidden-path") {
		t.Error("the log has the URL of the target")
	}
	w.end()
}

// TestNotifyTest sends test messages to a target that accepts them, and to one that does not.
func TestNotifyTest(t *testing.T) {
	t.Parallel()
	o := newOnCall(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "usher.yaml")
	put(t, filepath.Join(dir, "secrets"), o.secret+"\n")
	put(t, filepath.Join(dir, "url"), o.URL+"/hidden-path\n")
	put(t, file, "notify:\n  targets:\n    - {name: on-call, url_file: "+filepath.Join(dir, "url")+", secrets_file: "+filepath.Join(dir, "secrets")+"}\n"+
		"    - {name: away, format: slack, url: \"http://127.0.0.1:1/hidden-path\"}\n")
	environ := []string{"USHER_CONFIG=" + file}
	out, err := usher(t.Context(), environ, "", "notify", "test", "on-call")
	if err != nil || strings.TrimSpace(out) != "on-call\taccepted\t200\tthanks" || !o.has("usher.test.firing", "test") {
		t.Errorf("got %q, %v", out, err)
	}
	out, err = usher(t.Context(), environ, "", "notify", "test")
	if cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(out, "connection refused") || strings.Contains(out, "hidden") {
		t.Errorf("got %q, %v, want that away refuses", out, err)
	}
	o.mu.Lock()
	o.status = http.StatusForbidden
	o.mu.Unlock()
	out, err = usher(t.Context(), environ, "", "notify", "test", "on-call", "-o", "json")
	if cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(out, `"status": 403`) {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err = usher(t.Context(), environ, "", "notify", "test", "nobody"); cli.ExitCode(err) != cli.ExitUsage || !strings.Contains(err.Error(), "want one of on-call, away") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "url")); err != nil {
		t.Fatal(err)
	}
	if _, err = usher(t.Context(), environ, "", "notify", "test", "on-call"); cli.ExitCode(err) != cli.ExitUsage || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("got %v", err)
	}
}

// TestWordsOfNotifications compares the words of the configuration with those of the messages.
func TestWordsOfNotifications(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(notify.Kinds(), config.NotifyKinds()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(notify.Formats(), config.NotifyFormats()); diff != "" {
		t.Error(diff)
	}
}
