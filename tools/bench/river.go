package bench

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"strconv"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// createTables creates the tables of River in the database, as soon as the database answers.
func (s *env) createTables(ctx context.Context) error {
	var last error
	wait := process.Wait{For: "PostgreSQL has the tables of River", Limit: time.Minute, Poll: 100 * time.Millisecond, Needs: []*process.Process{s.database.Process}}
	err := wait.Until(ctx, func() bool {
		_, last = runToEnd(ctx, process.Command{Log: s.log("river-migrate"), Program: s.config.River, Args: []string{"-migrate", "-database", s.database.dsn()}})
		return last == nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return err
}

// startRiver starts a process of the contestant on River. The durable consumer is the one of the bare
// loop and the peer.
func (s *env) startRiver(_ context.Context, name string) (*worker, error) {
	const vendor = "usermost"
	p, err := process.Start(s.log(name), nil, s.config.River,
		"-database", s.database.dsn(), "-nats", s.url, "-stream", streams.EventsStream, "-durable", durable(vendor),
		"-vendor", "http://"+s.vendorAddr+"/"+vendor+"/v1/accounts/"+sandbox.UsermostLicenseCode+"/events", "-key", sandbox.UsermostAPIKey,
		"-subject", events.ResultSubject(events.ResultType(events.ActivityTracked, events.Done), vendor), "-concurrency", strconv.Itoa(s.plan.Concurrency),
	)
	if err != nil {
		return nil, err
	}
	return &worker{Process: p}, nil
}

// riverVersion returns the version of River in a program.
func riverVersion(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/riverqueue/river" {
			return m.Version
		}
	}
	return "unknown"
}
