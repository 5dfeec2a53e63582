package process

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Programs for Build.
const (
	Usher = "github.com/usherhq/usher/cmd/usher"
	NATS  = "github.com/nats-io/nats-server/v2"
)

// Build builds a program of the usher module, or of a required module, into a file. The working
// directory must be inside the tools module.
func Build(ctx context.Context, file, program string, flags ...string) error {
	root, err := command(ctx, "", "list", "-m", "-f", "{{.Dir}}", "github.com/usherhq/usher")
	if err != nil {
		return err
	}
	_, err = command(ctx, strings.TrimSpace(root), append(append([]string{"build", "-o", file}, flags...), program)...)
	return err
}

// BuildModule builds the program of another module of the source tree into a file. The folder is relative
// to the root of the tree.
func BuildModule(ctx context.Context, file, folder string) error {
	root, err := command(ctx, "", "list", "-m", "-f", "{{.Dir}}", "github.com/usherhq/usher")
	if err != nil {
		return err
	}
	_, err = command(ctx, filepath.Join(strings.TrimSpace(root), filepath.FromSlash(folder)), "build", "-o", file, ".")
	return err
}

// GoRoot returns the directory of the Go installation.
func GoRoot(ctx context.Context) (string, error) {
	root, err := command(ctx, "", "env", "GOROOT")
	return strings.TrimSpace(root), err
}

// command runs the go command in a directory.
func command(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are constants and a file
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// ReadSources reads the state of every Go file below root. Tests that build a program call
// ReadSources, so that a change of any source file invalidates the cached result of the test.
func ReadSources(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && len(d.Name()) > 2 && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
}
