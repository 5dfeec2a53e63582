package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// ClusterAccounts holds the cost of stored accounts in a cluster of three NATS servers.
type ClusterAccounts struct {
	Accounts int          `json:"accounts"`
	Replicas int          `json:"replicas"` // 3, or 1 with a server for each bucket
	Synced   bool         `json:"synced"`   // each message, before its acknowledgement
	Rates    []BucketRate `json:"rates"`
	Nodes    []NodeCost   `json:"nodes"`
	Read     Latency      `json:"read"`
	Write    Latency      `json:"write"`
	Failover Failover     `json:"failover"`
}

// BucketRate is the rate of the writes of a bucket, with many in flight.
type BucketRate struct {
	Bucket string  `json:"bucket"`
	Writes float64 `json:"writes_per_second"`
}

// NodeCost holds the cost of one server.
type NodeCost struct {
	Name   string   `json:"name"`
	Leads  []string `json:"leads"`      // buckets
	PeakMB float64  `json:"peak_mb"`    // memory, during the writes
	RestMB float64  `json:"rest_mb"`    // memory of the idle server
	Live   float64  `json:"live_bytes"` // of the idle server's heap, for each account
	Disk   float64  `json:"disk_bytes"` // for each account

	empty int64 // bytes of the heap without data
}

// Failover describes a kill -9 of the server that leads ACCOUNTS, during writes.
type Failover struct {
	Server   string  `json:"server"`
	WriteMS  float64 `json:"write_ms"` // until the first acknowledged write
	Acked    int     `json:"acked"`    // writes before and after the kill
	Lost     int     `json:"lost"`     // keys with a value older than the last acknowledged one
	BackMS   float64 `json:"back_ms"`  // from the restart of the server until all replicas are complete; with 3 replicas
	BackMB   float64 `json:"back_mb"`  // memory of the server then
	BackLive float64 `json:"back_live_bytes"`
}

// ClusterAccounts stores n accounts in a cluster: each bucket on all servers, or, placed, each on one. Then the
// leader of ACCOUNTS is killed.
func (c Config) ClusterAccounts(ctx context.Context, n int, placed, synced bool) (out ClusterAccounts, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return out, err
	}
	s := &env{config: c, plan: Plan{Load: loads[3], Concurrency: 16, SyncAlways: synced}, contestant: Contestant{Kind: Usher}, dir: dir}
	defer func() { s.close(); err = errors.Join(err, os.RemoveAll(dir)) }()
	out = ClusterAccounts{Accounts: n, Replicas: nodes, Synced: synced}
	if placed {
		out.Replicas = 1
	}
	if err := s.openCluster(ctx, &out); err != nil {
		return out, err
	}
	t, err := s.template(ctx)
	if err != nil {
		return out, fmt.Errorf("first account: %w", err)
	}
	if placed {
		if err := s.placeBuckets(ctx); err != nil {
			return out, err
		}
	}
	for _, step := range []func(context.Context, *template, *ClusterAccounts) error{s.fillCluster, s.restCluster, s.askCluster, s.failover} {
		if err := step(ctx, t, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func placement(tag string) *jetstream.Placement { return &jetstream.Placement{Tags: []string{tag}} }

// openCluster starts the servers and the fake vendors, and makes the streams.
func (s *env) openCluster(ctx context.Context, out *ClusterAccounts) error {
	if err := s.startCluster(ctx); err != nil {
		return err
	}
	s.replicas = out.Replicas
	var last error
	wait := process.Wait{For: "the cluster has the streams", Needs: s.servers(), Poll: 100 * time.Millisecond}
	err := wait.Until(ctx, func() bool { last = s.makeStreams(ctx); return last == nil }) // after the election of a leader
	if err != nil {
		return errors.Join(err, last)
	}
	for _, n := range s.cluster {
		empty, err := n.heap(ctx)
		if err != nil {
			return err
		}
		out.Nodes = append(out.Nodes, NodeCost{Name: n.name, empty: empty})
	}
	return s.startVendor(ctx)
}

// fillCluster writes the accounts, one bucket after the other.
func (s *env) fillCluster(ctx context.Context, t *template, out *ClusterAccounts) error {
	for _, bucket := range accountBuckets {
		begun := time.Now()
		if err := s.multiply(ctx, t, bucket, out.Accounts); err != nil {
			return fmt.Errorf("fill %s: %w", bucket, err)
		}
		writes := float64(out.Accounts * len(t.messages[bucket]))
		out.Rates = append(out.Rates, BucketRate{bucket, writes / time.Since(begun).Seconds()})
	}
	for i, n := range s.cluster {
		_, peak := n.Memory()
		out.Nodes[i].PeakMB = megabytes(peak)
	}
	return nil
}

// restCluster measures the idle servers.
func (s *env) restCluster(ctx context.Context, _ *template, out *ClusterAccounts) error {
	s.config.progress("%d accounts: wait %s until the servers are idle", out.Accounts, restAfter)
	if !process.Sleep(ctx, restAfter) {
		return ctx.Err()
	}
	for i, n := range s.cluster {
		cost := &out.Nodes[i]
		memory, _ := n.Memory()
		live, err := n.heap(ctx)
		if err != nil {
			return err
		}
		disk, err := diskUsage(s.storeOf(n))
		if err != nil {
			return err
		}
		cost.RestMB, cost.Disk = megabytes(memory), float64(disk)/float64(out.Accounts)
		cost.Live = float64(max(0, live-cost.empty)) / float64(out.Accounts)
	}
	for _, bucket := range accountBuckets {
		leader, err := s.leader(ctx, "KV_"+bucket)
		if err != nil {
			return err
		}
		cost := out.node(leader.name)
		cost.Leads = append(cost.Leads, bucket)
	}
	return nil
}

// node returns the cost of a server of the cluster.
func (a *ClusterAccounts) node(name string) *NodeCost {
	return &a.Nodes[slices.IndexFunc(a.Nodes, func(n NodeCost) bool { return n.Name == name })]
}

// askCluster measures reads and writes of single records.
func (s *env) askCluster(ctx context.Context, t *template, out *ClusterAccounts) error {
	figures := Accounts{Accounts: out.Accounts}
	err := s.ask(ctx, t, &figures)
	out.Read, out.Write = figures.Read, figures.Write
	return err
}

// failover kills the leader of ACCOUNTS during writes through another server, and starts the server again:
// after the writes go on, or at once if no other server has the bucket.
func (s *env) failover(ctx context.Context, t *template, out *ClusterAccounts) error {
	s.config.progress("%d accounts: kill -9 of the leader", out.Accounts)
	leader, err := s.leader(ctx, "KV_"+streams.AccountsBucket)
	if err != nil {
		return err
	}
	if err := s.connectBeside(leader); err != nil {
		return err
	}
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	w := newWriter(records, t, out.Accounts)
	const before, after = 3 * time.Second, 5 * time.Second
	if err := w.write(ctx, time.Now().Add(before)); err != nil {
		return err
	}
	killed := time.Now()
	leader.Kill()
	if out.Replicas == 1 {
		err = s.startNode(leader)
	}
	if err = errors.Join(err, w.untilAcked(ctx)); err != nil {
		return err
	}
	f := Failover{Server: leader.name, WriteMS: ms(time.Since(killed))}
	if err := w.write(ctx, time.Now().Add(after)); err != nil {
		return err
	}
	if out.Replicas > 1 {
		if f.BackMS, err = s.rejoin(ctx, leader); err != nil {
			return err
		}
	}
	if f.Acked, f.Lost, err = w.check(ctx); err != nil {
		return err
	}
	memory, _ := leader.Memory()
	live, err := leader.heap(ctx)
	f.BackMB, f.BackLive = megabytes(memory), float64(max(0, live-out.node(leader.name).empty))/float64(out.Accounts)
	out.Failover = f
	return err
}

// rejoin starts a server again, and returns the milliseconds until all replicas are complete.
func (s *env) rejoin(ctx context.Context, n *node) (float64, error) {
	begun := time.Now()
	if err := s.startNode(n); err != nil {
		return 0, err
	}
	complete := process.Wait{For: "all replicas are complete", Limit: largeStore, Poll: 50 * time.Millisecond, Needs: s.servers()}
	err := complete.Until(ctx, func() bool { return s.current(ctx) })
	return ms(time.Since(begun)), err
}

// connectBeside connects to the servers other than n.
func (s *env) connectBeside(n *node) error {
	var others []*node
	for _, other := range s.cluster {
		if other != n {
			others = append(others, other)
		}
	}
	s.nc.Close()
	s.setURL(others)
	return s.connect()
}

// text returns the figures for people.
func (a ClusterAccounts) text() string {
	var b strings.Builder
	shape := "each bucket on all three servers"
	if a.Replicas == 1 {
		shape = "each bucket on one server"
	}
	if a.Synced {
		shape += ", each message synced"
	}
	fmt.Fprintf(&b, "%d accounts in a cluster of three, %s\n", a.Accounts, shape)
	for _, r := range a.Rates {
		fmt.Fprintf(&b, "  %s: %.0f writes a second\n", r.Bucket, r.Writes)
	}
	for _, n := range a.Nodes {
		fmt.Fprintf(&b, "  %s, leads %s: at most %.0f MB; idle %.0f MB, heap %.0f B for each account; disk %.0f B\n",
			n.Name, strings.Join(n.Leads, ", "), n.PeakMB, n.RestMB, n.Live, n.Disk)
	}
	fmt.Fprintf(&b, "  a read p50 / p99 %.2f / %.2f ms, a write %.2f / %.2f ms\n", a.Read.P50, a.Read.P99, a.Write.P50, a.Write.P99)
	f := a.Failover
	fmt.Fprintf(&b, "  after kill -9 of %s, the leader of ACCOUNTS: first write after %.0f ms; %d acknowledged writes, %d lost\n", f.Server, f.WriteMS, f.Acked, f.Lost)
	if a.Replicas > 1 {
		fmt.Fprintf(&b, "  restarted, the server is complete after %.0f ms\n", f.BackMS)
	}
	fmt.Fprintf(&b, "  the restarted server has %.0f MB, heap %.0f B for each account\n\n", f.BackMB, f.BackLive)
	return b.String()
}
