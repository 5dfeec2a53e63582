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

// ServerConfig says how the endpoint listens.
type ServerConfig struct {
	Addr   string        // host:port
	Cert   string        // a PEM file; with Key. Both are read again when they change
	Key    string        // a PEM file
	Slow   time.Duration // the longest that a request may take to come in
	Header time.Duration // of which for its headers
	Idle   time.Duration // the longest that a connection may be without a request
	Grace  time.Duration // for requests in hand, when it is told to stop
}

// maxHeader is the most bytes that the headers of a request may have.
const maxHeader = 64 << 10

// Listen opens the address. The error says what to do.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w; choose another http.addr (USHER_HTTP_ADDR), or off", err)
	}
	return l, nil
}

// Serve answers requests on l until ctx ends, and then lets those in hand end.
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

// complaints is what the server says of connections, and of panics. Whoever
// knocks on the port without speaking TLS is no fault of ours.
type complaints struct{ log zerolog.Logger }

func (c complaints) Write(text []byte) (int, error) {
	level := zerolog.ErrorLevel
	if bytes.Contains(text, []byte("TLS handshake error")) {
		level = zerolog.DebugLevel
	}
	c.log.WithLevel(level).Str("said", string(bytes.TrimSpace(text))).Msg("HTTP")
	return len(text), nil
}

// pair is a certificate and its key in files that may be replaced.
type pair struct {
	cert, key string
	log       zerolog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time // when the files were last looked at
	changed time.Time // when they were last changed, as far as we know
}

// lookEvery is how often the files are looked at, at most.
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

// modified is when the younger of the files was changed; zero where one is not there.
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

// certificate returns the pair as the files have it. While they do not fit each
// other, as in the middle of a change, the former one is used.
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
