package bench

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
	"github.com/usherhq/usher/tools/process"
)

// syncEvery is how often the NATS server flushes to the disk: what nats-server
// does by itself, and the same whichever server is used.
const syncEvery = 2 * time.Minute

// ServeNATS runs a NATS server on addr until ctx ends: the bench's own, where
// no nats-server is named.
func ServeNATS(ctx context.Context, addr, dir string) error {
	server, err := natsconn.StartEmbedded(ctx, natsconn.EmbeddedOptions{Dir: dir, Sync: syncEvery, Addr: addr})
	if err != nil {
		return err
	}
	<-ctx.Done()
	server.Stop()
	return nil
}

// startNATS starts the server of a run.
func (s *stage) startNATS(ctx context.Context) error {
	addr, err := process.FreeAddr(ctx)
	if err != nil {
		return err
	}
	store := filepath.Join(s.dir, "nats")
	program, args := s.config.Self, []string{"part", "nats", "--addr", addr, "--dir", store}
	if s.config.NATS != "" {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return err
		}
		program, args = s.config.NATS, []string{"-a", host, "-p", port, "-js", "-sd", store}
	}
	if s.nats, err = process.Start(s.log("nats-server"), nil, program, args...); err != nil {
		return err
	}
	s.url = "nats://" + addr
	return answers(ctx, "the NATS server", s.connect, s.nats)
}

// connect reaches the server; it can be called again until it does.
func (s *stage) connect() (err error) {
	if s.nc, err = nats.Connect(s.url, nats.Name("bench")); err != nil {
		return err
	}
	s.js, err = jetstream.New(s.nc, jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncTimeout(30*time.Second))
	return err
}

// makeStreams makes the streams and buckets as usher makes them, so that all
// contestants have the same, and the load can be there before them.
func (s *stage) makeStreams(ctx context.Context) error {
	client, err := streams.NewClient(s.nc)
	if err != nil {
		return err
	}
	err = admin.New(client, admin.Layout{
		Events: streams.EventsStream, Own: true, Replicas: 1, EventsAge: 720 * time.Hour, ResultsAge: 720 * time.Hour,
		DeadAge: 2160 * time.Hour, AuditAge: 8760 * time.Hour, HistoryAge: 8760 * time.Hour, EffectAge: 168 * time.Hour, Window: 5 * time.Minute,
	}).Ensure(ctx)
	if err != nil {
		return err
	}
	for _, c := range s.durables() {
		if _, err := s.js.CreateOrUpdateConsumer(ctx, streams.EventsStream, c); err != nil {
			return fmt.Errorf("consumer %s: %w", c.Durable, err)
		}
	}
	return nil
}

// durable is the name of the consumer of a contestant that does not make its own.
func durable(vendor string) string { return "bench-" + vendor }

// durables are the consumers that the bare loop and the peer use, one a vendor,
// with room for all that may be at work.
func (s *stage) durables() (list []jetstream.ConsumerConfig) {
	if s.contestant.Kind == Usher {
		return nil
	}
	for _, v := range s.plan.Load.Vendors {
		list = append(list, jetstream.ConsumerConfig{
			Durable: durable(v), FilterSubjects: s.plan.Load.subjects(v), AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: 30 * time.Second, MaxDeliver: -1, MaxAckPending: 20_000,
		})
	}
	return list
}
