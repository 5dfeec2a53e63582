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

// newNodes writes the configuration of the servers, a cluster or the servers of a shape, and
// starts the servers.
func newNodes(ctx context.Context, c Config) ([]*node, error) {
	var nodes []*node
	var routes []string
	for i := range max(c.Nodes, len(c.Shape.Servers)) {
		client, err := process.FreeAddr(ctx)
		if err != nil {
			return nil, err
		}
		route, err := process.FreeAddr(ctx)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("n%d", i+1)
		routes = append(routes, route)
		nodes = append(nodes, &node{name: name, addr: client, program: c.Binaries.NATS, config: filepath.Join(c.Dir, name+".conf"), log: filepath.Join(c.Dir, "nats-"+name+".log")})
	}
	if err := c.Shape.certify(c.Dir); err != nil {
		return nil, err
	}
	for i, x := range nodes {
		if err := os.WriteFile(x.config, []byte(x.settings(c, routes, i)), 0o600); err != nil {
			return nil, err
		}
		if err := x.start(); err != nil {
			return nodes, err
		}
	}
	return nodes, nil
}

func (n *node) settings(c Config, routes []string, own int) string {
	text := fmt.Sprintf("server_name: %s\nlisten: %q\n", n.name, n.addr)
	if len(c.Shape.Servers) > 0 {
		return text + c.Shape.server(own, c.Dir, routes[0])
	}
	text += fmt.Sprintf("jetstream { store_dir: %q }\n", filepath.Join(c.Dir, "store-"+n.name))
	if len(routes) > 1 {
		// Clients must not learn the addresses of other servers, which would bypass the links.
		text += fmt.Sprintf("cluster { name: chaos, listen: %q, no_advertise: true, routes: [ nats://%s ] }\n", routes[own], strings.Join(routes, ", nats://"))
	}
	return text
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

// reload lets the server read its configuration and its certificates again.
func (n *node) reload() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process.Reload()
}

// connect connects to the servers directly, without the links.
func (w *world) connect(name string) (*nats.Conn, jetstream.JetStream, error) {
	var urls []string
	for _, n := range w.config.Shape.inside(w.nodes) {
		urls = append(urls, "nats://"+n.addr)
	}
	options := append(w.config.Shape.options(w.config.Dir), nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true))
	nc, err := nats.Connect(strings.Join(urls, ","), options...)
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
