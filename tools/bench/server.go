package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
	"github.com/usherhq/usher/tools/process"
)

// syncEvery is the interval of syncs to disk of the embedded server, equal to the default of
// nats-server.
const syncEvery = 2 * time.Minute

// duplicateWindow is the default of usher.
const duplicateWindow = 5 * time.Minute

// ServeNATS runs an embedded NATS server on addr until ctx ends, in place of nats-server. The bytes
// in use by the heap are served on heapAddr; empty: nowhere. With always, each message is synced to the
// disk before its acknowledgement.
func ServeNATS(ctx context.Context, addr, dir, heapAddr string, always bool) error {
	every := syncEvery
	if always {
		every = 0
	}
	server, err := natsconn.StartEmbedded(ctx, natsconn.EmbeddedOptions{Dir: dir, Sync: every, Addr: addr})
	if err != nil {
		return err
	}
	defer server.Stop()
	if heapAddr != "" {
		return serve(ctx, heapAddr, http.HandlerFunc(heapInUse))
	}
	<-ctx.Done()
	return nil
}

// largeStore is the longest wait for a server with millions of keys: for a collection of its garbage, and
// for its restart.
const largeStore = 20 * time.Minute

// heapInUse collects garbage, returns free memory to the system, and answers with the bytes in use.
func heapInUse(w http.ResponseWriter, _ *http.Request) {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	_, _ = fmt.Fprint(w, m.HeapAlloc)
}

// heap returns the bytes in use by the heap of the NATS server; 0 for a foreign nats-server.
func (s *env) heap(ctx context.Context) (int64, error) {
	if s.heapAddr == "" {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, largeStore)
	defer cancel()
	text, err := process.Get(ctx, "http://"+s.heapAddr)
	if err != nil {
		return 0, fmt.Errorf("heap of the NATS server: %w", err)
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// startNATS starts the server of a run.
func (s *env) startNATS(ctx context.Context) error {
	addr, err := process.FreeAddr(ctx)
	if err != nil {
		return err
	}
	store := filepath.Join(s.dir, "nats")
	if s.heapAddr, err = process.FreeAddr(ctx); err != nil {
		return err
	}
	program, args := s.config.Self, []string{"part", "nats", "--addr", addr, "--dir", store, "--heap", s.heapAddr}
	if s.plan.SyncAlways {
		args = append(args, "--sync-always")
	}
	if s.config.NATS != "" {
		s.heapAddr = ""
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return err
		}
		program, args = s.config.NATS, []string{"-a", host, "-p", port, "-js", "-sd", store}
		if s.plan.SyncAlways {
			file, err := s.syncConfig(store)
			if err != nil {
				return err
			}
			args = []string{"-a", host, "-p", port, "-c", file}
		}
	}
	if s.nats, err = process.Start(s.log("nats-server"), nil, program, args...); err != nil {
		return err
	}
	s.url = "nats://" + addr
	wait := process.Wait{For: "the NATS server answers", Limit: largeStore, Needs: []*process.Process{s.nats}}
	return wait.Until(ctx, func() bool { return s.connect() == nil })
}

// syncConfig writes a configuration of nats-server that syncs each message to the disk.
func (s *env) syncConfig(store string) (file string, err error) {
	file = filepath.Join(s.dir, "nats.conf")
	return file, os.WriteFile(file, fmt.Appendf(nil, "jetstream {\n  store_dir: %q\n  sync_interval: always\n}\n", store), 0o600)
}

// connect connects to the server. After an error, connect can be called again.
func (s *env) connect() (err error) {
	if s.nc, err = nats.Connect(s.url, nats.Name("bench")); err != nil {
		return err
	}
	s.js, err = jetstream.New(s.nc, jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncTimeout(30*time.Second))
	return err
}

// client returns a client of the streams.
func (s *env) client() (streams.Client, error) {
	return streams.NewClient(s.nc, streams.API{}, streams.Names{})
}

// makeStreams creates the streams and buckets of usher, so that all contestants use the same
// streams, and events can be published before the start.
func (s *env) makeStreams(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	err = admin.New(client, admin.Layout{
		Events: streams.EventsStream, Own: true, Replicas: max(1, s.replicas), EventsAge: 720 * time.Hour, ResultsAge: 720 * time.Hour,
		DeadAge: 2160 * time.Hour, AuditAge: 8760 * time.Hour, HistoryAge: 8760 * time.Hour, Activity: 168 * time.Hour, Window: duplicateWindow,
	}).Ensure(ctx)
	if err != nil {
		return err
	}
	for _, c := range s.durables() {
		if _, err := s.js.CreateOrUpdateConsumer(ctx, streams.EventsStream, c); err != nil {
			return fmt.Errorf("create consumer %s: %w", c.Durable, err)
		}
	}
	return nil
}

// durable returns the consumer's name for contestants other than usher.
func durable(vendor string) string { return "bench-" + vendor }

// durables returns the consumers of the bare loop and the peer by vendor. The limit of pending acks
// is above the concurrency.
func (s *env) durables() (list []jetstream.ConsumerConfig) {
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
