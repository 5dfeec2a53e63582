package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

const (
	// remakeEvery is the time between two looks for deleted streams.
	remakeEvery = 2 * time.Second
	// remakeLogEvery is the time between two log lines about a stream that cannot be made.
	remakeLogEvery = time.Minute
)

// remake makes TIMERS, LEASES and OWNERSHIP anew whenever one was deleted, until ctx ends. The
// contents come back from the records and from the running processes. A stream that this
// process may not make is shown by /readyz.
func (e *Engine) remake(ctx context.Context) {
	ticker := time.NewTicker(remakeEvery)
	defer ticker.Stop()
	var logged time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := e.remakeOnce(ctx)
		if !errors.Is(err, streams.ErrNoStream) { // without NATS, others say so
			e.missing.Store(nil)
			continue
		}
		text := err.Error() + "; usher nats apply makes it, as a user who may"
		e.missing.Store(&text)
		if time.Since(logged) >= remakeLogEvery {
			logged = time.Now()
			e.Log.Error().Err(err).Msg("a stream was deleted, and this process cannot make it anew: usher nats apply makes it, as a user who may; work goes on then")
		}
	}
}

// remakeOnce makes the missing streams, and the counters of a new TIMERS.
func (e *Engine) remakeOnce(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	made, err := admin.Remake(limit, e.Streams.Client.JetStream, e.layout().Workers())
	if len(made) == 0 {
		return err
	}
	e.Log.Error().Str("streams", strings.Join(made, ", ")).Msg("a stream was deleted, and is made anew: nothing is lost")
	for _, v := range e.on() {
		err = errors.Join(err, streams.EnsureCounter(limit, e.Streams.Client, e.waitingCounter(v.Name)))
	}
	return err
}
