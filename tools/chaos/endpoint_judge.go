package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// EndpointReport holds the results of a run against the endpoint.
type EndpointReport struct {
	Dir      string // directory of logs and stores
	Events   int    // planned events
	Posts    int    // requests, repeats included
	Refused  int    // answers with a request to retry
	Broken   int    // requests without an answer
	Kills    [3]int // of the endpoint, of NATS, of both
	Died     int    // processes that ended unexpectedly
	Answered int    // events answered with 202
	Stored   int    // messages in EVENTS
	Missing  []string
	Again    int // events stored more than once
	Within   int // events stored more than once within the duplicate window
	Took     time.Duration
}

func (r *EndpointReport) String() string {
	return fmt.Sprintf("%d events in %d requests (%d answered with a request to retry, %d without an answer); killed: the endpoint %d times, NATS %d, both %d; "+
		"answered 202: %d events, stored: %d messages, MISSING: %d, more than once: %d (within the duplicate window: %d); ended by themselves: %d; %s",
		r.Events, r.Posts, r.Refused, r.Broken, r.Kills[0], r.Kills[1], r.Kills[2],
		r.Answered, r.Stored, len(r.Missing), r.Again, r.Within, r.Died, r.Took.Round(time.Second/10))
}

// shelf holds the times of storage of the events in EVENTS, by id.
type shelf struct {
	copies map[string][]time.Time
	window time.Duration // duplicate window
}

// stored reads all of EVENTS.
func stored(ctx context.Context, w *world) (shelf, error) {
	s := shelf{copies: map[string][]time.Time{}}
	stream, err := w.js.Stream(ctx, streams.EventsStream)
	if err != nil {
		return s, err
	}
	s.window = stream.CachedInfo().Config.Duplicates
	return s, each(ctx, w.js, streams.EventsStream, func(m jetstream.Msg, _ uint64) error {
		e, err := events.FromNATS(m.Headers(), m.Data())
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		s.copies[e.ID()] = append(s.copies[e.ID()], meta.Timestamp)
		return nil
	})
}

// judge compares the answered events with the stored events.
func (r *EndpointReport) judge(t *tally, s shelf) {
	r.Posts = int(t.posts.Load())
	r.Refused = int(t.refused.Load())
	r.Broken = int(t.broken.Load())
	r.Answered = t.count()
	for _, id := range t.answered {
		if len(s.copies[id]) == 0 {
			r.Missing = append(r.Missing, id)
		}
	}
	for _, copies := range s.copies {
		r.Stored += len(copies)
		if len(copies) == 1 {
			continue
		}
		r.Again++
		if nearest(copies) < s.window {
			r.Within++
		}
	}
}

// nearest returns the shortest time between two copies.
func nearest(copies []time.Time) time.Duration {
	least := copies[1].Sub(copies[0])
	for i := 2; i < len(copies); i++ {
		least = min(least, copies[i].Sub(copies[i-1]))
	}
	return least
}
