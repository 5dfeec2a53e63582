package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// Accounts holds the cost of stored accounts at one vendor. Bytes are for each account.
type Accounts struct {
	Accounts  int            `json:"accounts"`
	Vendor    string         `json:"vendor"`
	Record    int            `json:"record_bytes"` // of one record, without subject and headers
	Writes    uint64         `json:"writes"`       // of the record of the first account, by usher
	Buckets   []BucketCost   `json:"buckets"`
	WrittenMB float64        `json:"written_mb"` // memory of the server right after the last write
	RestMB    float64        `json:"rest_mb"`    // memory of the idle server
	Live      float64        `json:"live_bytes"` // of the idle server's heap; 0 with --nats-server
	Disk      float64        `json:"disk_bytes"`
	Restart   RestartFigures `json:"restart"`
	Read      Latency        `json:"read"`
	Write     Latency        `json:"write"`
	UserMS    float64        `json:"user_ms"`  // usher user ID
	ServeMS   float64        `json:"serve_ms"` // start of usher serve until /readyz is ready
}

// BucketCost holds the cost of a bucket, for each account.
type BucketCost struct {
	Bucket string  `json:"bucket"`
	Keys   int     `json:"keys"`       // of an account
	Live   float64 `json:"live_bytes"` // right after the last write; 0 with --nats-server
	Disk   float64 `json:"disk_bytes"`
}

// RestartFigures describe a start of the server after kill -9.
type RestartFigures struct {
	ReadMS float64 `json:"read_ms"` // until the first record is read
	MB     float64 `json:"mb"`
	Live   float64 `json:"live_bytes"` // for each account; 0 with --nats-server
}

// Latency holds quantiles.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

const (
	// firstUser is the number of the first user: all user ids have one length.
	firstUser = 10_000_000
	// restAfter is the time until nats-server has dropped the indexes of unused files from memory, and
	// has written its state for a start: two minutes, with half a minute at random.
	restAfter = 160 * time.Second
	// asks is the number of reads and of writes with a latency.
	asks = 5000
)

// accountBuckets are the buckets with a key for each user or account.
var accountBuckets = []string{streams.AccountsBucket, "ACCOUNT_INDEX", streams.EmailsBucket}

// Accounts stores n accounts at Miestro, with the records that usher serve writes for a user with
// three enrolments, and measures the NATS server and usher with them.
func (c Config) Accounts(ctx context.Context, n int) (out Accounts, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return out, err
	}
	s := &env{config: c, plan: Plan{Load: loads[3], Concurrency: 16}, contestant: Contestant{Kind: Usher}, dir: dir}
	defer func() { s.close(); err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.open(ctx); err != nil {
		return out, err
	}
	out = Accounts{Accounts: n, Vendor: s.plan.Load.Vendors[0]}
	t, err := s.template(ctx)
	if err != nil {
		return out, fmt.Errorf("first account: %w", err)
	}
	first := t.messages[streams.AccountsBucket][0]
	out.Record, out.Writes = len(first.Data), first.Position.Seq // the only key, so each write has a number
	for _, step := range []func(context.Context, *template, *Accounts) error{s.fill, s.rest, s.restart, s.ask, s.askUsher} {
		if err := step(ctx, t, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// fill writes the accounts, one bucket after the other.
func (s *env) fill(ctx context.Context, t *template, out *Accounts) error {
	each := func(bytes int64) float64 { return float64(bytes) / float64(out.Accounts) }
	live, err := s.heap(ctx)
	if err != nil {
		return err
	}
	for _, bucket := range accountBuckets {
		if err := s.multiply(ctx, t, bucket, out.Accounts); err != nil {
			return fmt.Errorf("fill %s: %w", bucket, err)
		}
		memory, _ := s.nats.Memory()
		out.WrittenMB = megabytes(memory)
		now, err := s.heap(ctx)
		if err != nil {
			return err
		}
		disk, err := diskUsage(s.bucketDir(bucket))
		if err != nil {
			return err
		}
		out.Buckets = append(out.Buckets, BucketCost{bucket, len(t.messages[bucket]), each(max(0, now-live)), each(disk)})
		live = now
	}
	return nil
}

// bucketDir returns the directory of the bucket in the store of the server.
func (s *env) bucketDir(bucket string) string {
	return filepath.Join(s.dir, "nats", "jetstream", "$G", "streams", "KV_"+bucket)
}

// rest measures the idle server.
func (s *env) rest(ctx context.Context, _ *template, out *Accounts) error {
	s.config.progress("%d accounts: wait %s until the server is idle", out.Accounts, restAfter)
	if !process.Sleep(ctx, restAfter) {
		return ctx.Err()
	}
	live, err := s.heap(ctx)
	if err != nil {
		return err
	}
	memory, _ := s.nats.Memory()
	disk, err := diskUsage(filepath.Join(s.dir, "nats"))
	out.RestMB = megabytes(memory)
	out.Live = float64(max(0, live-s.emptyHeap)) / float64(out.Accounts)
	out.Disk = float64(disk) / float64(out.Accounts)
	return err
}

// restart kills the server during writes, starts it again, and reads a record.
func (s *env) restart(ctx context.Context, t *template, out *Accounts) error {
	s.config.progress("%d accounts: kill -9 of the server", out.Accounts)
	if err := s.rewrite(ctx, t, out.Accounts/100); err != nil {
		return err
	}
	s.nc.Close()
	s.nats.Kill()
	begun := time.Now()
	if err := s.startNATS(ctx); err != nil {
		return err
	}
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	if _, err := readAny(ctx, records, t, out.Accounts); err != nil {
		return err
	}
	out.Restart.ReadMS = ms(time.Since(begun))
	live, err := s.heap(ctx)
	memory, _ := s.nats.Memory()
	out.Restart.MB = megabytes(memory)
	out.Restart.Live = float64(max(0, live-s.emptyHeap)) / float64(out.Accounts)
	return err
}

// ask measures reads and writes of single records, one after the other.
func (s *env) ask(ctx context.Context, t *template, out *Accounts) error {
	var reads, writes []float64
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	for range asks {
		begun := time.Now()
		r, err := readAny(ctx, records, t, out.Accounts)
		if err != nil {
			return err
		}
		reads, begun = append(reads, ms(time.Since(begun))), time.Now()
		if _, err := records.Store(ctx, r.Key, r.Value, r.Revision); err != nil {
			return err
		}
		writes = append(writes, ms(time.Since(begun)))
	}
	out.Read, out.Write = newLatency(reads), newLatency(writes)
	return nil
}

func newLatency(list []float64) Latency {
	slices.Sort(list)
	return Latency{quantile(list, 0.5), quantile(list, 0.99)}
}

// readAny reads the record of any of n accounts.
func readAny(ctx context.Context, records *streams.Records, t *template, n int) (r streams.Record, err error) {
	r.Key = t.recordKey(rand.IntN(n))
	r.Value, r.Revision, err = records.Load(ctx, r.Key)
	if err == nil && r.Revision == 0 {
		err = fmt.Errorf("record %s is lost", r.Key)
	}
	return r, err
}

// askUsher measures usher user and the start of usher serve.
func (s *env) askUsher(ctx context.Context, t *template, out *Accounts) error {
	begun, user := time.Now(), 1+rand.IntN(out.Accounts-1) // any but the first, whose events are stored
	text, err := s.run(ctx, "user", t.user(user))
	if err == nil && !strings.Contains(text, t.accountOf(user)) {
		err = fmt.Errorf("usher user does not show the account: %s", text)
	}
	if err != nil {
		return err
	}
	out.UserMS, begun = ms(time.Since(begun)), time.Now()
	s.workers = nil
	if err := s.startWorkers(ctx); err != nil {
		return err
	}
	out.ServeMS = ms(time.Since(begun))
	return s.stopWorkers()
}

// records opens the bucket of the records.
func (s *env) records(ctx context.Context) (*streams.Records, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	return streams.OpenRecords(ctx, client, streams.AccountsBucket)
}
