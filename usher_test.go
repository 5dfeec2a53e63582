package usher_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usherhq/usher"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/vendors"
)

// block is a file in a document.
var block = regexp.MustCompile("(?s)```go\n// file: (\\S+)\n\n?(.*?)```")

// The program of docs/library.md and the vendor of docs/adding-a-vendor.md are a module of their own,
// outside of this tree: the module builds, passes the suite of vendors, and knows the vendor. The
// test needs the module cache and no network.
func TestForeignModule(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{
		"go.mod": "module example.org/school/usher-acme\n\ngo 1.26\n\nrequire github.com/usherhq/usher v0.0.0\n\nreplace github.com/usherhq/usher => " + root + "\n",
		"go.sum": read(t, "go.sum"),
	}
	for _, page := range []string{"library.md", "adding-a-vendor.md"} {
		for _, b := range block.FindAllStringSubmatch(read(t, filepath.Join("docs", page)), -1) {
			text := strings.ReplaceAll(b[2], "github.com/usherhq/usher/vendors/acme", "example.org/school/usher-acme/acme")
			files[strings.TrimPrefix(b[1], "vendors/")] = text
		}
	}
	for _, name := range []string{"main.go", "acme/api.go", "acme/adapter.go", "acme/acme_test.go", "acme/certificates.go", "certificate/certificate.go"} {
		if files[name] == "" {
			t.Fatalf("the documents have no file %s", name)
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in(t, dir, "go", "vet", "./...")
	in(t, dir, "go", "test", "./...")
	in(t, dir, "go", "build", "-o", "usher-acme", ".")
	for command, want := range map[string]string{
		"config check": "acme\ton", "config show": "vendors.acme.token", "version": "v1",
	} {
		if out := in(t, dir, append([]string{"./usher-acme"}, strings.Fields(command)...)...); !strings.Contains(out, want) {
			t.Errorf("%s: got\n%s\nwant %q in it", command, out, want)
		}
	}
	testOwnEventType(t, dir)
}

// certificates is ACME with certificates only, and answers the first call with a fault.
type certificates struct {
	mu    sync.Mutex
	calls int
	given map[string]string // by key
}

func (c *certificates) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, put := strings.CutPrefix(r.URL.Path, "/certificates/")
	if r.Method != http.MethodPut || !put {
		_, _ = io.WriteString(w, `{"users":[]}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	c.given[key] = string(body)
	if c.calls++; c.calls == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// testOwnEventType runs the program of a folder: an event of its own type, sent twice, reaches the
// vendor once, in spite of a failed call, and has a result. Data against the schema is refused.
// The waits end with the time limit of the test binary.
func testOwnEventType(t *testing.T, dir string) {
	t.Helper()
	acme := &certificates{given: map[string]string{}}
	web := httptest.NewServer(acme)
	t.Cleanup(web.Close)
	nats := natstest.Start(t, natsconn.EmbeddedOptions{Addr: "127.0.0.1:0"})
	environ := []string{"USHER_ACME_BASE_URL=" + web.URL, "USHER_ACME_TOKEN=t", "USHER_NATS_URL=" + nats.URL(), "USHER_HTTP_ADDR=off", "PATH=" + os.Getenv("PATH")}
	run := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), filepath.Join(dir, "usher-acme"), args...)
		c.Dir, c.Env = dir, environ
		return c
	}
	for id, data := range map[string]string{"c1": `{"user_id":"ada","title":"Go"}`, "c2": `{"user_id":"ada","title":"SQL"}`, "bad": `{"user_id":"ada"}`} {
		text := `{"specversion":"1.0","id":"` + id + `","source":"/school","type":"certificate.awarded","time":"2026-03-01T12:00:00Z","data":` + data + "}"
		if err := os.WriteFile(filepath.Join(dir, id+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run("send", "bad.json").CombinedOutput(); err == nil || !strings.Contains(string(out), "/data/title: schema:required") {
		t.Errorf("got %v\n%s\nwant the schema to refuse the data", err, out)
	}
	serve := run("serve")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	until := func(want string, args ...string) {
		for out := []byte(nil); !strings.Contains(string(out), want) && t.Context().Err() == nil; {
			out, _ = run(args...).CombinedOutput()
		}
	}
	until("1 event", "send", "c1.json") // there is no stream before serve has made one
	until("certificate.entered", "results", "--event", "c1")
	for _, file := range []string{"c1.json", "c2.json"} {
		if out, err := run("send", file).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	until("certificate.entered", "results", "--event", "c2")
	if err := serve.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := serve.Wait(); err != nil {
		t.Errorf("serve: %v", err)
	}
	acme.mu.Lock()
	defer acme.mu.Unlock()
	if len(acme.given) != 2 || acme.calls != 3 {
		t.Errorf("got %d calls and the certificates %v, want two certificates by three calls", acme.calls, acme.given)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// in runs a command in a folder, with the credentials of acme, and returns the output.
func in(t *testing.T, dir string, command ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Dir = dir
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "USHER_") })
	c.Env = append(c.Env, "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "USHER_ACME_BASE_URL=http://127.0.0.1:1", "USHER_ACME_TOKEN=t")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

// settings are the settings of a vendor.
type settings struct {
	vendors.Settings `yaml:",inline"`
}

// Needs returns no settings: the vendor is on.
func (settings) Needs() vendors.Needs { return vendors.Needs{Credentials: []string{"base_url"}} }

// client is a vendor that can be checked and nothing else.
type client struct{ err error }

func (c client) Check(context.Context) error { return c.err }

func TestRun(t *testing.T) {
	away := errors.New("the vendor is away")
	own := func(name string) func() []usher.Vendor {
		return func() []usher.Vendor {
			return append(usher.Vendors(), usher.VendorOf(name, settings{vendors.DefaultSettings("http://127.0.0.1:1", 1)}, func(settings) (client, error) { return client{away}, nil }))
		}
	}
	none := func(handlers.Courses, []string) []handlers.Handler { return nil }
	for name, test := range map[string]struct {
		options usher.Options
		out     string // in the output
		want    string // in the error; empty: none
	}{
		"help":           {usher.Options{Args: []string{"--help"}}, "serve", ""},
		"version":        {usher.Options{Args: []string{"version"}, Version: "v7"}, "v7", ""},
		"a vendor":       {usher.Options{Args: []string{"vendors", "check", "acme"}, Vendors: own("acme")}, "the vendor is away", "acme"},
		"twice":          {usher.Options{Vendors: own("scim")}, "", `vendor "scim" is there twice`},
		"no proper name": {usher.Options{Vendors: own("My LMS")}, "", `vendor "My LMS": want`},
		"no handlers":    {usher.Options{Handlers: none}, "", "want one for each of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var out bytes.Buffer
			o := test.options
			o.Environ, o.Stdin, o.Stdout, o.Stderr = []string{}, strings.NewReader(""), &out, &out
			if o.Args == nil {
				o.Args = []string{"version"}
			}
			err := usher.Run(t.Context(), o)
			if (test.want == "" && err != nil) || (test.want != "" && err == nil) {
				t.Errorf("got error %v, want %q in it", err, test.want)
			}
			if test.want != "" && err != nil && !strings.Contains(err.Error()+out.String(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
			if !strings.Contains(out.String(), test.out) {
				t.Errorf("got\n%s\nwant %q in it", &out, test.out)
			}
		})
	}
}
