package natsconn

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// Embedded is a nats-server in this process.
type Embedded struct {
	server *server.Server
	lock   *flock.Flock // of its directory
}

// EmbeddedOptions are the directory, the address and the credentials of the server.
type EmbeddedOptions struct {
	Dir string // of the file store
	// Sync is the interval between flushes of the store to the disk; zero: after every message,
	// so that a power cut loses no acknowledged message.
	Sync time.Duration
	Addr string // host:port to listen on; empty: no access from other processes
	// The credentials of clients; none if all are empty.
	User, Password, Token string
	Log                   zerolog.Logger // for errors of the server
}

// StartEmbedded starts the server, and waits until the server accepts connections, or until ctx
// ends. A lock keeps a second server out of the directory.
func StartEmbedded(ctx context.Context, o EmbeddedOptions) (*Embedded, error) {
	opts, err := o.server()
	if err != nil {
		return nil, fmt.Errorf("embedded nats: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded nats: %w", err)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("embedded nats: %w", err)
	}
	e := &Embedded{server: s, lock: lock}
	serverLines := &serverLog{log: o.Log, fatal: make(chan string, 1)}
	s.SetLoggerV2(serverLines, false, false, false)
	s.Start()
	for !s.ReadyForConnections(50 * time.Millisecond) {
		select {
		case <-ctx.Done():
			e.Stop()
			return nil, fmt.Errorf("embedded nats: not started: %w", ctx.Err())
		case why := <-serverLines.fatal:
			e.Stop()
			return nil, fmt.Errorf("embedded nats: the server does not start: %s; it keeps its data in %s (nats.embedded.dir) and listens on %q (nats.embedded.addr)", why, o.Dir, o.Addr)
		default:
		}
	}
	return e, nil
}

// lockDir creates the directory and locks the directory for this process.
func lockDir(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w; choose another nats.embedded.dir (USHER_NATS_EMBEDDED_DIR)", err)
	}
	lock := flock.New(filepath.Join(dir, "usher.lock"), flock.SetPermissions(0o600))
	switch free, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("%w; it has to be writable (nats.embedded.dir, USHER_NATS_EMBEDDED_DIR)", err)
	case !free:
		return nil, fmt.Errorf("another usher is at work in %s; choose another nats.embedded.dir (USHER_NATS_EMBEDDED_DIR), or have both use one NATS server", dir)
	}
	return lock, nil
}

// server returns the options of nats-server.
func (o EmbeddedOptions) server() (*server.Options, error) {
	opts := &server.Options{
		ServerName: "usher", JetStream: true, StoreDir: o.Dir,
		DontListen: o.Addr == "", NoSigs: true,
		SyncAlways: o.Sync == 0, SyncInterval: o.Sync,
		Username: o.User, Password: o.Password, Authorization: o.Token,
	}
	if o.Addr != "" {
		host, port, err := net.SplitHostPort(o.Addr)
		if err != nil {
			return nil, fmt.Errorf("%w; set nats.embedded.addr (USHER_NATS_EMBEDDED_ADDR) to host:port", err)
		}
		opts.Host = host
		if opts.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("the port of %s is not a number", o.Addr)
		}
		if opts.Port == 0 {
			opts.Port = server.RANDOM_PORT
		}
	}
	return opts, nil
}

// URL returns the address for other processes; empty without a listener.
func (e *Embedded) URL() string {
	if e.server.Addr() == nil {
		return ""
	}
	return e.server.ClientURL()
}

// Room returns the bytes that the server can store.
func (e *Embedded) Room() int64 {
	if c := e.server.JetStreamConfig(); c != nil {
		return c.MaxStore
	}
	return 0
}

// Stop stops the server and waits until the store is closed.
func (e *Embedded) Stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	_ = e.lock.Close()
}

// serverLog logs the errors of the server, a repeated error once a minute.
type serverLog struct {
	log   zerolog.Logger
	fatal chan string // the first fatal error

	mu    sync.Mutex
	last  string
	until time.Time
}

// Fatalf keeps the reason of a failed start. StartEmbedded then stops the server.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}

// Errorf writes to the log.
func (l *serverLog) Errorf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == format && time.Now().Before(l.until) {
		return
	}
	l.last, l.until = format, time.Now().Add(time.Minute)
	l.log.Error().Str("error", fmt.Sprintf(format, v...)).Msg("the embedded NATS server has trouble")
}

// Warnf, Noticef, Debugf and Tracef write nothing.
func (*serverLog) Warnf(string, ...any)   {}
func (*serverLog) Noticef(string, ...any) {}
func (*serverLog) Debugf(string, ...any)  {}
func (*serverLog) Tracef(string, ...any)  {}
