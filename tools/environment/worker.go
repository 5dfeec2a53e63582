package environment

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/tools/process"
)

// Worker is a process of usher serve.
type Worker struct {
	*process.Process

	vendor string
	addr   string
}

// Serve starts usher serve, with variables besides those of all, and waits until the process
// is ready. A name is for one process.
func (e *Environment) Serve(ctx context.Context, name string, environ ...string) (*Worker, error) {
	return e.ServeBy(ctx, e.config.Binaries.Usher, name, environ...)
}

// ServeBy starts usher serve of another program; see Serve.
func (e *Environment) ServeBy(ctx context.Context, file, name string, environ ...string) (*Worker, error) {
	p, addr, err := e.start(ctx, program{
		name: name, file: file, environ: slices.Concat(e.environ, environ), args: []string{"serve"}, before: `"addr":"`,
	})
	if err != nil {
		return nil, err
	}
	w := &Worker{Process: p, vendor: e.config.Vendor, addr: addr}
	return w, e.Until(ctx, 0, name+" is ready", func() bool { _, err := process.Get(ctx, "http://"+addr+"/readyz"); return err == nil })
}

// Addr returns the address of the HTTP endpoint.
func (w *Worker) Addr() string { return w.addr }

// Metric returns the value that usher shows for the vendor, 0 if there is none.
func (w *Worker) Metric(ctx context.Context, name string) (value float64) {
	metrics, err := process.Get(ctx, "http://"+w.addr+"/metrics")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(metrics)) {
		if text, ok := strings.CutPrefix(line, fmt.Sprintf("%s{vendor=%q} ", name, w.vendor)); ok {
			value, _ = strconv.ParseFloat(strings.TrimSpace(text), 64)
		}
	}
	return value
}

// Command runs a command of usher to its end.
func (e *Environment) Command(ctx context.Context, limit time.Duration, args ...string) error {
	p, err := process.Start(filepath.Join(e.config.Dir, "command.log"), e.environ, e.config.Binaries.Usher, args...)
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := e.Until(ctx, limit, "the command has ended", p.Ended); err != nil {
		return err
	}
	if code := p.ExitCode(); code != 0 {
		return fmt.Errorf("usher %s: exit code %d: %s", args[0], code, p.Output())
	}
	return nil
}
