package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// TestQuickStart follows docs/quick-start.md. Nothing is set but where the vendors
// and usher are, for these are elsewhere than in the document.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	stands, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	t.Cleanup(web.Close)
	at := stands.BaseURLs(strings.TrimPrefix(web.URL, "http://"))
	http := address(t)
	s := newShell(t, t.TempDir(), "USHER_HTTP_ADDR="+http,
		"USHER_MIESTRO_BASE_URL="+at["miestro"], "USHER_USERMOST_BASE_URL="+at["usermost"])
	s.instead["127.0.0.1:8080"], s.instead["127.0.0.1:4222"] = http, address(t)
	list := commandsOf(t, "docs/quick-start.md")
	clean := slices.IndexFunc(list, func(c command) bool { return strings.Contains(c.text, "user.deleted") })
	s.run(list[:clean]...)
	ada := stands.State().Vendors["miestro"]
	if len(ada.Users) != 1 || ada.Users[0].Creates != 1 || len(ada.Enrollments) != 1 {
		t.Errorf("Miestro holds %+v, want Ada, made once, in one course", ada)
	}
	s.run(list[clean:]...)
}

// pages are the documents whose commands are run, with what there is when a reader
// comes to them: a usher serve with all vendors.
var pages = map[string]struct {
	atRoot  bool           // of the repository; else in an empty directory
	open    bool           // without tokens
	environ []string       // of usher serve, besides
	before  func(w *world) // what happened while it served
	after   func(w *world) // what must have come of the commands
}{
	"docs/concepts.md":      {after: func(w *world) { w.expect("concepts-1", everywhere) }},
	"docs/command-line.md":  {},
	"docs/configuration.md": {},
	"docs/vendors.md":       {},
	"docs/security.md":      {},
	"docs/library.md":       {atRoot: true},
	"README.md": {
		atRoot: true,
		open:   true,
		after: func(w *world) {
			w.expect("grace-joined", everywhere)
		},
	},
	"docs/producing-events.md": {after: func(w *world) {
		w.expect("send-2", map[string]string{"usermost": "done"})
		w.expect("curl-1", everywhere)
	}},
	"docs/operating.md": {
		environ: []string{"USHER_WORKER_PREREQUISITE_WAIT=1s"},
		before: func(w *world) {
			w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.EnrollmentRequested, "before-1", `{"user_id":"hedy","course_id":"7","vendor":"miestro","email":"hedy@example.org"}`))
			w.expect("before-1", map[string]string{"miestro": "failed"})
		},
		after: func(w *world) {
			if left := w.states(); len(left) > 0 {
				w.t.Errorf("got dead letters %v, want none", left)
			}
		},
	},
}

// elsewhere are the documents whose commands other tests run.
var elsewhere = []string{"docs/http.md", "docs/quick-start.md"}

func TestPages(t *testing.T) {
	t.Parallel()
	for page, its := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			url := w.overHTTP()
			if its.open {
				w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_HTTP_TOKENS=") })
			}
			w.environ = append(w.environ, its.environ...)
			w.serve()
			if its.before != nil {
				its.before(w)
			}
			dir := t.TempDir()
			if its.atRoot {
				dir = filepath.Join("..", "..")
			}
			s := newShell(t, dir, append(slices.Clone(w.environ), "USHER_CONFIG="+w.file, "USHER_URL="+url, "USHER_TOKEN="+token)...)
			s.instead["127.0.0.1:8080"] = strings.TrimPrefix(url, "http://")
			s.run(commandsOf(t, page)...)
			if its.after != nil {
				its.after(w)
			}
			w.end()
		})
	}
}

// TestEveryCommandIsRun finds pages with commands that no test runs.
func TestEveryCommandIsRun(t *testing.T) {
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "examples/*.md", "deploy/*.md"} {
		list, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, list...)
	}
	for _, path := range found {
		page, err := filepath.Rel(filepath.Join("..", ".."), path)
		if err != nil {
			t.Fatal(err)
		}
		page = filepath.ToSlash(page)
		if _, known := pages[page]; !known && !slices.Contains(elsewhere, page) && len(commandsOf(t, page)) > 0 {
			t.Errorf("no test runs the commands of %s: add it to pages, or mark them <!-- not run: why -->", page)
		}
		if text := string(read(t, path)); strings.Contains(text, "```bash") || strings.Contains(text, "```shell") {
			t.Errorf("%s: write ```sh, which is run", page)
		}
	}
	if _, err := os.Stat(filepath.Join("..", "..", "docs")); err != nil || len(found) < 10 {
		t.Errorf("found %d pages: %v", len(found), err)
	}
}

// TestReadmeHasTwoCommands is about those who have nothing but Go: the demo, which
// TestPages runs, and the tests, which the continuous integration runs.
func TestReadmeHasTwoCommands(t *testing.T) {
	t.Parallel()
	text := string(read(t, filepath.Join("..", "..", "README.md")))
	for _, want := range []string{"```sh\ngo run ./cmd/usher demo\n```", "```sh\ngo test ./...\n```"} {
		if !strings.Contains(text, want) {
			t.Errorf("README.md does not have\n%s", want)
		}
	}
	// make test is go test ./... by gotestsum, which runs a failed test again.
	for file, want := range map[string]string{".ci/run": "\nstep make test\n", "Makefile": "\nPKG ?= ./...\n"} {
		if !strings.Contains(string(read(t, filepath.Join("..", "..", file))), want) {
			t.Errorf("%s does not have %q", file, want)
		}
	}
}

// TestBackupOfFolder does what docs/operating.md says of the embedded server:
// stop, copy, and start again from the copy, with all that there was.
func TestBackupOfFolder(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile("(?s)<!-- not run: TestBackupOfFolder runs it -->\n```sh\n(.*?)```").
		FindStringSubmatch(string(read(t, filepath.Join("..", "..", "docs", "operating.md"))))
	if found == nil {
		t.Fatal("docs/operating.md has no commands for a backup of the folder")
	}
	w := newWorld(t)
	dir := t.TempDir()
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_NATS_URL=") })
	w.environ = append(w.environ, "USHER_NATS_EMBEDDED_DIR="+filepath.Join(dir, "data", "nats"), "USHER_NATS_EMBEDDED_ADDR="+address(t))
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "backup-1", `{"user_id":"ada","email":"ada@example.org","first_name":"Ada"}`))
	w.expect("backup-1", everywhere)
	before := w.must("user", "ada")
	w.end()
	newShell(t, dir).run(command{page: "docs/operating.md", text: found[1]})
	w.begin()
	w.waitLog(`"serving"`, 2)
	if got := w.must("user", "ada"); got != before {
		t.Errorf("after the restore: got\n%s\nwant\n%s", got, before)
	}
	w.expect("backup-1", everywhere)
	w.end()
}
