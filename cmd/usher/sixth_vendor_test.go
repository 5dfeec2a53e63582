package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a piece of code in a document, under a line that says where it goes.
var block = regexp.MustCompile("(?s)```go\n// (file|line|row): (\\S+)\n(.*?)```")

// A sixth vendor is one new folder and one line in wire.go: the document that
// says so is done to a copy of the tree, which is then built and tried. The test needs
// the module cache and no network.
func TestSixthVendorIsOneFolderAndOneLine(t *testing.T) {
	t.Parallel()
	tree := copyOfTree(t)
	text := string(read(t, filepath.Join("..", "..", "docs", "adding-a-vendor.md")))
	lines := 0
	for _, b := range block.FindAllStringSubmatch(text, -1) {
		kind, name, code := b[1], b[2], b[3]
		switch {
		case kind == "line" && name == "wire.go":
			lines += strings.Count(code, "\n")
			addLine(t, filepath.Join(tree, filepath.FromSlash(name)), code)
		case kind == "file" && strings.HasPrefix(name, "vendors/acme/"):
			put(t, filepath.Join(tree, filepath.FromSlash(name)), strings.TrimPrefix(code, "\n"))
		default:
			t.Errorf("the document touches %s (%s)", name, kind)
		}
	}
	if lines != 1 {
		t.Fatalf("the document adds %d lines to wire.go, want 1", lines)
	}
	inTree(t, root, "go", "build", overlay(t, tree), "-o", filepath.Join(tree, "bin")+string(filepath.Separator), "./...")
	inTree(t, tree, "go", "vet", "./vendors/acme")
	inTree(t, tree, "go", "test", "./internal/imports", "./vendors/acme")
	if unformatted := inTree(t, tree, "gofmt", "-l", "vendors/acme"); unformatted != "" {
		t.Errorf("gofmt would change %s", unformatted)
	}
	out := inTree(t, tree, filepath.Join(tree, "bin", "usher"), "config", "check")
	if !strings.Contains(out, "acme\ton\t") {
		t.Errorf("usher config check does not know acme:\n%s", out)
	}
}

// root is this module, from here.
var root = filepath.Join("..", "..")

// overlay returns a flag that has the go command read this module as it is in the tree.
// Of packages that are the same in both, the go command then has the outcome already.
func overlay(t *testing.T, tree string) string {
	t.Helper()
	replace := map[string]string{}
	err := filepath.WalkDir(tree, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		there, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if was, err := os.ReadFile(there); err != nil || !bytes.Equal(was, read(t, path)) {
			replace[there] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	put(t, file, string(text))
	return "-overlay=" + file
}

// copyOfTree copies the code of this module.
func copyOfTree(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	for _, name := range []string{"bounded", "cmd", "events", "handlers", "internal", "schemas", "vendors"} {
		if err := os.CopyFS(filepath.Join(tree, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "usher.go", "wire.go"} {
		put(t, filepath.Join(tree, name), string(read(t, filepath.Join(root, name))))
	}
	return tree
}

// addLine adds the line to the list of vendors, and the import that it needs.
func addLine(t *testing.T, path, line string) {
	t.Helper()
	text := string(read(t, path))
	for after, added := range map[string]string{
		"return []Vendor{\n": line,
		"import (\n":         "\t\"github.com/usherhq/usher/vendors/acme\"\n",
	} {
		before, rest, found := strings.Cut(text, after)
		if !found {
			t.Fatalf("%s has no %q", path, after)
		}
		text = before + after + added + rest
	}
	put(t, path, text)
}

// inTree runs a command there, with acme's credentials, and returns what it says.
func inTree(t *testing.T, tree string, command ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Dir = tree
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "USHER_") })
	c.Env = append(c.Env, "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off",
		"USHER_ACME_BASE_URL=http://127.0.0.1:1", "USHER_ACME_TOKEN=t")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
