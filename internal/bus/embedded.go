package bus

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Embedded is a nats-server in this process.
type Embedded struct {
	server *server.Server
}

// EmbeddedOptions say where the server keeps its data and who may reach it.
type EmbeddedOptions struct {
	Dir string // of the file store
	// Sync is how often the store is flushed to the disk; zero is after every
	// message, so that a power cut loses nothing that was acknowledged.
	Sync time.Duration
	Addr string // host:port to listen on; empty: reached in the process only
	// What clients must give; anything will do where all are empty.
	User, Password, Token string
}

// StartEmbedded starts the server and waits until it takes connections.
func StartEmbedded(o EmbeddedOptions) (*Embedded, error) {
	opts := &server.Options{
		ServerName: "usher", JetStream: true, StoreDir: o.Dir,
		DontListen: o.Addr == "", NoSigs: true, NoLog: true,
		SyncAlways: o.Sync == 0, SyncInterval: o.Sync,
		Username: o.User, Password: o.Password, Authorization: o.Token,
	}
	if o.Addr != "" {
		host, port, err := net.SplitHostPort(o.Addr)
		if err != nil {
			return nil, fmt.Errorf("embedded nats: %w; set nats.embedded.addr (USHER_NATS_EMBEDDED_ADDR) to host:port", err)
		}
		opts.Host = host
		if opts.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("embedded nats: the port of %s is not a number", o.Addr)
		}
		if opts.Port == 0 {
			opts.Port = server.RANDOM_PORT
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded nats: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return nil, errors.New("embedded nats: the server does not start; is its directory (nats.embedded.dir) writable, and used by nobody else?")
	}
	return &Embedded{server: s}, nil
}

// URL is where other processes reach the server; empty where they cannot.
func (e *Embedded) URL() string {
	if e.server.Addr() == nil {
		return ""
	}
	return e.server.ClientURL()
}

// Stop ends the server and waits until its store is closed.
func (e *Embedded) Stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}
