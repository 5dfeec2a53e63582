package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/tools/process"
)

// nodes is the number of servers of a cluster.
const nodes = 3

// node is a server of a cluster.
type node struct {
	*process.Process

	name, addr string
	profile    string // address of the profiles
	config     string // file
	program    string
}

// startCluster starts nats-servers with a store and a tag each, and connects to them.
func (s *env) startCluster(ctx context.Context) error {
	program := s.config.NATS
	if program == "" {
		s.config.progress("build nats-server")
		program = filepath.Join(s.dir, "nats-server")
		if err := process.Build(ctx, program, process.NATS); err != nil {
			return fmt.Errorf("build nats-server (or use --nats-server PATH): %w", err)
		}
	}
	var routes []string
	for i := range nodes {
		var free [3]string
		for j := range free {
			var err error
			if free[j], err = process.FreeAddr(ctx); err != nil {
				return err
			}
		}
		name := fmt.Sprintf("n%d", i+1)
		routes = append(routes, free[2])
		s.cluster = append(s.cluster, &node{name: name, addr: free[0], profile: free[1], config: filepath.Join(s.dir, name+".conf"), program: program})
	}
	for i, n := range s.cluster {
		if err := os.WriteFile(n.config, s.nodeConfig(n, routes, i), 0o600); err != nil {
			return err
		}
		if err := s.startNode(n); err != nil {
			return err
		}
	}
	s.setURL(s.cluster)
	wait := process.Wait{For: "the cluster answers", Needs: s.servers()}
	return wait.Until(ctx, func() bool { return s.connect() == nil })
}

// nodeConfig returns the configuration of a server.
func (s *env) nodeConfig(n *node, routes []string, own int) []byte {
	_, profile, _ := net.SplitHostPort(n.profile)
	text := fmt.Appendf(nil, "server_name: %s\nserver_tags: [%s]\nlisten: %q\nprof_port: %s\n", n.name, n.name, n.addr, profile)
	text = fmt.Appendf(text, "cluster { name: bench, listen: %q, routes: [ nats://%s ] }\n", routes[own], strings.Join(routes, ", nats://"))
	text = fmt.Appendf(text, "jetstream {\n  store_dir: %q\n", s.storeOf(n))
	if s.plan.SyncAlways {
		text = append(text, "  sync_interval: always\n"...)
	}
	return append(text, "}\n"...)
}

// storeOf returns the directory of the store of a server.
func (s *env) storeOf(n *node) string { return filepath.Join(s.dir, "store-"+n.name) }

func (s *env) startNode(n *node) (err error) {
	n.Process, err = process.Start(s.log("nats-"+n.name), nil, n.program, "-c", n.config)
	return err
}

// servers returns the processes of the NATS servers.
func (s *env) servers() (list []*process.Process) {
	if s.nats != nil {
		list = append(list, s.nats)
	}
	for _, n := range s.cluster {
		if n.Process != nil {
			list = append(list, n.Process)
		}
	}
	return list
}

// setURL lets further clients connect to these servers.
func (s *env) setURL(list []*node) {
	var urls []string
	for _, n := range list {
		urls = append(urls, "nats://"+n.addr)
	}
	s.url = strings.Join(urls, ",")
}

// heap returns the bytes in use by the heap of the server, after a collection of garbage.
func (n *node) heap(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, largeStore)
	defer cancel()
	text, err := process.Get(ctx, "http://"+n.profile+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0, fmt.Errorf("heap of %s: %w", n.name, err)
	}
	_, rest, ok := bytes.Cut(text, []byte("\n# HeapAlloc = "))
	if !ok {
		return 0, errors.New("the profile of " + n.name + " has no HeapAlloc")
	}
	figure, _, _ := bytes.Cut(rest, []byte("\n"))
	return strconv.ParseInt(string(figure), 10, 64)
}

// placeBuckets moves each bucket of accounts to a server of its own.
func (s *env) placeBuckets(ctx context.Context) error {
	for i, bucket := range accountBuckets {
		name := s.cluster[i%nodes].name
		if err := s.placeStream(ctx, "KV_"+bucket, name); err != nil {
			return fmt.Errorf("move %s to %s: %w", bucket, name, err)
		}
	}
	return nil
}

// placeStream moves a stream to a server, and waits until the server leads the stream.
func (s *env) placeStream(ctx context.Context, name, to string) error {
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	config.Placement = placement(to)
	if _, err := s.js.UpdateStream(ctx, config); err != nil {
		return err
	}
	wait := process.Wait{For: to + " leads " + name, Needs: s.servers(), Poll: 50 * time.Millisecond}
	return wait.Until(ctx, func() bool { leader, err := s.leader(ctx, name); return err == nil && leader.name == to })
}

// leader returns the server that leads a stream.
func (s *env) leader(ctx context.Context, stream string) (*node, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	found, err := s.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	info := found.CachedInfo().Cluster
	for _, n := range s.cluster {
		if info != nil && n.name == info.Leader {
			return n, nil
		}
	}
	return nil, fmt.Errorf("stream %s has no leader", stream)
}

// current reports whether all replicas of the buckets of accounts are complete.
func (s *env) current(ctx context.Context) bool {
	for _, bucket := range accountBuckets {
		stream, err := s.js.Stream(ctx, "KV_"+bucket)
		if err != nil || stream.CachedInfo().Cluster == nil || stream.CachedInfo().Cluster.Leader == "" {
			return false
		}
		for _, peer := range stream.CachedInfo().Cluster.Replicas {
			if !peer.Current || peer.Offline || peer.Lag > 0 {
				return false
			}
		}
	}
	return true
}
