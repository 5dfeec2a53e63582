package usher_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher"
	"github.com/usherhq/usher/handlers"
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
	for _, name := range []string{"main.go", "acme/api.go", "acme/adapter.go", "acme/acme_test.go"} {
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
		"config check": "on       acme", "config show": "vendors.acme.token", "version": "v1",
	} {
		if out := in(t, dir, append([]string{"./usher-acme"}, strings.Fields(command)...)...); !strings.Contains(out, want) {
			t.Errorf("%s: got\n%s\nwant %q in it", command, out, want)
		}
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
