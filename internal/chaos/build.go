package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Binaries are the programs that a run starts.
type Binaries struct {
	Usher string
	NATS  string
}

// Build builds the programs into dir, usher with the given build tags.
func Build(ctx context.Context, dir, tags string) (Binaries, error) {
	b := Binaries{Usher: filepath.Join(dir, "usher"), NATS: filepath.Join(dir, "nats-server")}
	for _, args := range [][]string{
		{"build", "-tags", tags, "-o", b.Usher, "github.com/usherhq/usher/cmd/usher"},
		{"build", "-o", b.NATS, "github.com/nats-io/nats-server/v2"},
	} {
		// The arguments are ours alone.
		if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
			return b, fmt.Errorf("go %v: %w\n%s", args, err, out)
		}
	}
	return b, nil
}
