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
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// ServerConfig configures the HTTP server.
type ServerConfig struct {
	Addr   string        // host:port
	Cert   string        // PEM file, together with Key; both are reloaded after a change
	Key    string        // PEM file
	Slow   time.Duration // time limit to receive a request
	Header time.Duration // time limit to receive the headers
	Idle   time.Duration // time limit of a connection without a request
	Grace  time.Duration // time limit of running requests at the end
}

// maxHeader is the maximum size of the headers of a request in bytes.
const maxHeader = 64 << 10

// Listen opens the address. An error says how to choose another address.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w; choose another http.addr (USHER_HTTP_ADDR), or off", err)
	}
	return l, nil
}

// Serve serves requests on l until ctx ends, and then waits for running requests.
func Serve(ctx context.Context, l net.Listener, c ServerConfig, h http.Handler, log zerolog.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: c.Header, ReadTimeout: c.Slow, IdleTimeout: c.Idle,
		WriteTimeout: 2 * c.Slow, MaxHeaderBytes: maxHeader, ErrorLog: stdlog.New(complaints{log}, "", 0),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
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

// complaints logs messages of the server about connections and panics. A connection without TLS
// from outside is not logged.
type complaints struct{ log zerolog.Logger }

func (c complaints) Write(text []byte) (int, error) {
	level := zerolog.ErrorLevel
	if bytes.Contains(text, []byte("TLS handshake error")) {
		level = zerolog.DebugLevel
	}
	c.log.WithLevel(level).Str("said", string(bytes.TrimSpace(text))).Msg("HTTP")
	return len(text), nil
}

// pair is a certificate with key, in files that may be replaced.
type pair struct {
	cert, key string
	log       zerolog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time // last check of the files
	changed time.Time // modification time at the last load
}

// lookEvery is the minimum time between two checks of the files.
const lookEvery = time.Second

func loadPair(cert, key string, log zerolog.Logger) (*pair, error) {
	p := &pair{cert: cert, key: key, log: log}
	p.changed, p.looked = p.modified(), time.Now()
	loaded, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("HTTP: read http.tls_cert and http.tls_key: %w", err)
	}
	p.current = &loaded
	return p, nil
}

// modified returns the later modification time of the files, or zero for a missing file.
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

// certificate returns the present pair. While the files do not match, as in the middle of a
// change, the former pair is returned.
func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < lookEvery {
		return p.current, nil
	}
	p.looked = time.Now()
	changed := p.modified()
	if changed.IsZero() || changed.Equal(p.changed) {
		return p.current, nil
	}
	loaded, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		p.log.Error().Err(err).Msg("HTTP: the new certificate cannot be used; the former one stays")
		return p.current, nil
	}
	p.current, p.changed = &loaded, changed
	p.log.Info().Msg("HTTP: a new certificate is used")
	return p.current, nil
}
