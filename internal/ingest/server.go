package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// ServerConfig holds address, certificate and timeouts of the HTTP server.
type ServerConfig struct {
	Addr   string        // host:port
	Cert   string        // a PEM file, together with Key; a changed file is loaded again
	Key    string        // a PEM file
	Slow   time.Duration // timeout of reading a request
	Header time.Duration // timeout of reading the headers, a part of Slow
	Idle   time.Duration // timeout of a connection without a request
	Grace  time.Duration // for requests in flight at shutdown
	Most   int           // open connections; zero: no limit
}

// maxHeader limits the bytes of a request's headers.
const maxHeader = 32 << 10

// The limits of a connection of HTTP/2: the bytes of unread requests (the defaults are a megabyte each),
// and the requests in hand, at least 100 by RFC 9113.
const (
	http2Frame   = 16 << 10
	http2Room    = 64 << 10
	http2Streams = 100
)

// Listen opens the address. The error names the setting to change.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w; choose another http.addr (USHER_HTTP_ADDR), or off", err)
	}
	return l, nil
}

// Serve answers requests on l until ctx ends, and then waits for requests in flight.
func Serve(ctx context.Context, l net.Listener, c ServerConfig, h http.Handler, log zerolog.Logger) error {
	limited := newConnections(c.Most, c.Idle)
	server := &http.Server{
		Handler: limited.counting(h), ReadHeaderTimeout: c.Header, ReadTimeout: c.Slow, IdleTimeout: -1, // see connections
		WriteTimeout: 2 * c.Slow, MaxHeaderBytes: maxHeader, ConnState: limited.changed, ConnContext: named, ErrorLog: stdlog.New(serverLog{log}, "", 0),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize: http2Frame, MaxReceiveBufferPerConnection: http2Room, MaxReceiveBufferPerStream: http2Room, MaxConcurrentStreams: http2Streams,
		},
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true) // by prior knowledge, as service meshes and gateways call
	if c.Cert != "" {
		pair, err := loadPair(c.Cert, c.Key, log)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.certificate}
	}
	ended := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			ended <- server.ServeTLS(l, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("HTTP: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Grace)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// faultsOfClients are parts of messages that are logged for debugging only, such as of the failed TLS
// handshake of a port scan: strangers would fill the log.
var faultsOfClients = []string{"TLS handshake error", "http2: server connection error", "URL query contains semicolon"}

// serverLog receives messages of http.Server about connections and panics.
type serverLog struct{ log zerolog.Logger }

func (l serverLog) Write(text []byte) (int, error) {
	level := zerolog.ErrorLevel
	if slices.ContainsFunc(faultsOfClients, func(fault string) bool { return bytes.Contains(text, []byte(fault)) }) {
		level = zerolog.DebugLevel
	}
	l.log.WithLevel(level).Str("detail", string(bytes.TrimSpace(text))).Msg("HTTP server")
	return len(text), nil
}

// pair is a certificate and the key, read from files that may be replaced.
type pair struct {
	cert, key string
	log       zerolog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	checked time.Time // time of the last check for changed files
	changed time.Time // last known modification of the files
}

// checkEvery is the least time between two checks for changed files.
const checkEvery = time.Second

func loadPair(cert, key string, log zerolog.Logger) (*pair, error) {
	p := &pair{cert: cert, key: key, log: log}
	p.changed = p.modified()
	p.checked = time.Now()
	loaded, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("HTTP: read http.tls_cert %s and http.tls_key %s: %w", cert, key, err)
	}
	p.current = &loaded
	return p, nil
}

// modified returns the modification time of the newer file; zero if a file is missing.
func (p *pair) modified() time.Time {
	var last time.Time
	for _, name := range []string{p.cert, p.key} {
		info, err := os.Stat(name)
		if err != nil {
			return time.Time{}
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// certificate returns the current pair. If the new files do not match, as in the middle of a
// change, certificate returns the former pair.
func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) < checkEvery {
		return p.current, nil
	}
	p.checked = time.Now()
	changed := p.modified()
	if changed.IsZero() || changed.Equal(p.changed) {
		return p.current, nil
	}
	loaded, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		p.log.Error().Err(err).Msg("HTTP: load new certificate; the former certificate stays in use")
		return p.current, nil
	}
	p.current, p.changed = &loaded, changed
	p.log.Info().Msg("HTTP: new certificate loaded")
	return p.current, nil
}
