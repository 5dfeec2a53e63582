package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// example is commands, and the answer by HTTP that stands below them.
type example struct{ commands, answer string }

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestHTTPExamples runs the examples of docs/http.md, in their order, against a
// usher serve that is configured as the document says, and holds the answers and
// what comes of the events to what stands there.
func TestHTTPExamples(t *testing.T) {
	t.Parallel()
	text := string(read(t, filepath.Join("..", "..", "docs", "http.md")))
	w := newWorld(t)
	w.file = filepath.Join(t.TempDir(), "usher.yaml")
	put(t, w.file, courses+clerkOf(t, text))
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_HTTP_ORIGINS=crm.example.org")
	w.serve()
	examples := commandsOf(t, "docs/http.md")
	if len(examples) < 7 {
		t.Fatalf("docs/http.md has %d examples: are they no longer found?", len(examples))
	}
	key := "CLERK_SECRET=whsec_" + base64.StdEncoding.EncodeToString([]byte(secret))
	newShell(t, t.TempDir(), "USHER_URL="+url, "USHER_TOKEN="+token, key).run(examples...)
	w.expect("4711", everywhere)
	w.expect("4712", map[string]string{"miestro": "done", "lead": "done", "usermost": "done"})
	w.expect("4713", map[string]string{"usermost": "done"})
	w.expect("4714", everywhere)
	w.expect("msg_1", everywhere)
	w.end()
}

// reply is an answer by HTTP, as curl -i prints it.
type reply struct {
	status string
	header http.Header
	body   string
}

func readReply(text string) (reply, error) {
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return reply{answer.Status, answer.Header, string(body)}, err
}

// check compares an answer with the document's: its status, the headers that
// stand there, and the whole body.
func (e example) check(t *testing.T, got reply) {
	t.Helper()
	want, err := readReply(e.answer + "\n")
	if err != nil {
		t.Fatalf("%v: no answer stands below the commands\n%s", err, e.commands)
	}
	if got.status != want.status {
		t.Errorf("got %s %s, want %s, of\n%s", got.status, got.body, want.status, e.commands)
	}
	for _, name := range slices.Sorted(maps.Keys(want.header)) {
		if got, want := got.header.Get(name), want.header.Get(name); got != want {
			t.Errorf("header %s: got %q, want %q, of\n%s", name, got, want, e.commands)
		}
	}
	if diff := cmp.Diff(value(t, want.body), value(t, got.body)); diff != "" {
		t.Errorf("the body differs (-document +answer)\n%s\nof\n%s", diff, e.commands)
	}
}

// value is what a body of JSON says; nil where there is no body.
func value(t *testing.T, body string) (v any) {
	t.Helper()
	if strings.TrimSpace(body) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

// clerkOf takes the web hook of Clerk out of the document, with its secret in a
// file of the test's.
func clerkOf(t *testing.T, text string) string {
	t.Helper()
	for _, b := range yamlBlock.FindAllStringSubmatch(text, -1) {
		if strings.Contains(b[1], "clerk:") {
			return withSecrets(t, b[1])
		}
	}
	t.Fatal("docs/http.md shows no web hook of Clerk")
	return ""
}

var secretFile = regexp.MustCompile(`/run/secrets/([\w.-]+)`)

// withSecrets has the files of a configuration that are below /run/secrets stand
// in a directory of the test's.
func withSecrets(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range secretFile.FindAllStringSubmatch(text, -1) {
		content := "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret))
		if strings.Contains(text, "token_file: "+name[0]) { // each client needs a token of its own
			content = "token-of-" + name[1] + "-" + content
		}
		put(t, filepath.Join(dir, name[1]), content+"\n")
	}
	return strings.ReplaceAll(text, "/run/secrets", dir)
}

// TestHTTPConfigurations loads the configurations of docs/http.md and docs/webhooks.md, and compares
// the mapping of Clerk with the one that is tested on Clerk's payloads.
func TestHTTPConfigurations(t *testing.T) {
	t.Parallel()
	text := string(read(t, filepath.Join("..", "..", "docs", "http.md")))
	w := newWorld(t)
	blocks := yamlBlock.FindAllStringSubmatch(text, -1)
	blocks = append(blocks, yamlBlock.FindAllStringSubmatch(string(read(t, filepath.Join("..", "..", "docs", "webhooks.md"))), -1)...)
	for _, b := range blocks {
		w.file = filepath.Join(t.TempDir(), "usher.yaml")
		put(t, w.file, withSecrets(t, b[1]))
		if out, err := w.try("config", "check"); err != nil {
			t.Errorf("%v\n%s\n%s", err, out, b[1])
		}
	}
	var shown struct{ Webhooks config.Webhooks }
	var got, want mapping.Config
	if err := yaml.Unmarshal([]byte(clerkOf(t, text)), &shown); err != nil {
		t.Fatal(err)
	}
	event := shown.Webhooks["clerk"].Event
	if err := event.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(read(t, filepath.Join("..", "..", "internal", "ingest", "mapping", "testdata", "clerk.yaml")), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/http.md shows another mapping than the one that is tested (-tested +shown)\n%s", diff)
	}
}
