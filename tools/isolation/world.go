package isolation

import (
	"context"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/environment"
)

// world is the processes of one line, and the knowledge of the judge.
type world struct {
	*environment.Environment

	config  Config
	line    Line
	worker  *environment.Worker
	results *environment.Results
	healthy int // users so far
}

// newWorld starts everything. The caller closes the world, after an error too.
func newWorld(ctx context.Context, c Config, l Line, dir string) (*world, error) {
	w := &world{config: c, line: l}
	var err error
	w.Environment, err = environment.Start(ctx, environment.Config{
		Binaries: c.Binaries, Dir: dir, Vendor: l.Vendor, Courses: l.courses(),
		Settings: slices.Concat(environment.Limits(l.Vendor, c.Factor), l.settings()),
	})
	if err != nil {
		return w, err
	}
	if w.worker, err = w.Serve(ctx, "usher"); err != nil {
		return w, err
	}
	w.results, err = w.Listen(ctx, events.UserCreated)
	return w, err
}
