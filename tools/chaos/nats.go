package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/tools/process"
)

// node is one NATS server with a separate store.
type node struct {
	name, addr, config, log, program string

	mu      sync.Mutex
	process *process.Process
}

// newNodes writes the configuration of n servers, a cluster for several servers, and starts the
// servers.
func newNodes(ctx context.Context, n int, program, dir string) ([]*node, error) {
	var nodes []*node
	var routes []string
	for i := range n {
		client, err := process.FreeAddr(ctx)
		if err != nil {
			return nil, err
		}
		route, err := process.FreeAddr(ctx)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("n%d", i+1)
		routes = append(routes, "nats://"+route)
		nodes = append(nodes, &node{name: name, addr: client, program: program, config: filepath.Join(dir, name+".conf"), log: filepath.Join(dir, "nats-"+name+".log")})
	}
	for i, x := range nodes {
		if err := os.WriteFile(x.config, []byte(x.settings(dir, routes, i)), 0o600); err != nil {
			return nil, err
		}
		if err := x.start(); err != nil {
			return nodes, err
		}
	}
	return nodes, nil
}

func (n *node) settings(dir string, routes []string, own int) string {
	c := fmt.Sprintf("server_name: %s\nlisten: %q\njetstream { store_dir: %q }\n", n.name, n.addr, filepath.Join(dir, "store-"+n.name))
	if len(routes) > 1 {
		// Clients must not learn the addresses of other servers, which would bypass the links.
		c += fmt.Sprintf("cluster { name: chaos, listen: %q, no_advertise: true, routes: [%s] }\n",
			strings.TrimPrefix(routes[own], "nats://"), strings.Join(routes, ", "))
	}
	return c
}

func (n *node) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, err := process.Start(n.log, nil, n.program, "-c", n.config)
	n.process = p
	return err
}

func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		n.process.Kill()
	}
}

// connect connects to the servers directly, without the links.
func connect(nodes []*node, name string) (*nats.Conn, jetstream.JetStream, error) {
	var urls []string
	for _, n := range nodes {
		urls = append(urls, "nats://"+n.addr)
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc)
	return nc, js, err
}

// leader returns the index of the server that leads a stream.
func leader(ctx context.Context, js jetstream.JetStream, nodes []*node, stream string) int {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil || s.CachedInfo().Cluster == nil {
		return 0
	}
	for i, n := range nodes {
		if n.name == s.CachedInfo().Cluster.Leader {
			return i
		}
	}
	return 0
}
