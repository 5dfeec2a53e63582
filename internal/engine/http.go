package engine

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// Listen opens the address of the configuration, and returns the function that answers
// requests until its context ends. Without an address, the function does nothing.
func (s *Server) Listen(ctx context.Context) (answer func(context.Context) error, err error) {
	c := s.Config
	if !c.HTTP.On() {
		return func(context.Context) error { return nil }, nil
	}
	pages, err := s.console()
	if err != nil {
		return nil, err
	}
	h, err := s.handler(pages)
	if err != nil {
		return nil, err
	}
	l, err := ingest.Listen(ctx, c.HTTP.Addr)
	if err != nil {
		return nil, err
	}
	s.Log.Info().Str("addr", l.Addr().String()).Bool("tls", c.HTTP.TLSCert != "").Bool("events", c.HTTP.Events).Msg("listening for events over HTTP")
	s.warnOfClients()
	limits := ingest.ServerConfig{
		Cert: c.HTTP.TLSCert, Key: c.HTTP.TLSKey, Slow: c.HTTP.Timeout, Header: min(c.HTTP.Timeout, 10*time.Second),
		Idle: c.HTTP.Idle, Grace: requestsShare(c.Worker.Shutdown), Most: c.HTTP.Connections,
	}
	return func(ctx context.Context) error {
		defer pages.Close()
		defer context.AfterFunc(ctx, pages.Close)() // open pages must not delay the shutdown
		return ingest.Serve(ctx, l, limits, h, s.Log)
	}, nil
}

// warnOfClients logs the clients that may use the sources of others: such a client can take the
// id of an event before the producer of the event does.
func (s *Server) warnOfClients() {
	for _, client := range s.Config.HTTP.Clients {
		if len(client.Sources) == 0 && s.Config.HTTP.Events {
			s.Log.Warn().Str("client", client.Name).Msg("the client may send events of every source, also with the ids of others; set sources in http.clients")
		}
	}
}

// handler returns the handler of all paths, with the pages of the console.
func (s *Server) handler(pages http.Handler) (http.Handler, error) {
	set, err := schemas.New()
	if err != nil {
		return nil, err
	}
	c := s.Config
	hooks, clients, faults := Senders(c)
	foreign, wrong := foreignEvents(c)
	if faults = append(faults, wrong...); len(faults) > 0 {
		return nil, SettingsError{joinFaults(faults)}
	}
	proxies, err := clientlimit.ParseProxies(c.HTTP.TrustedProxies)
	if err != nil {
		return nil, err
	}
	all := ingest.New(ingest.Config{
		Proxies: proxies,
		Clients: clients, Rate: c.HTTP.Rate, MaxBody: int64(c.HTTP.MaxBody), StoreTime: streams.CallTimeout,
		Origins: c.HTTP.Origins, Callbacks: c.HTTP.Callbacks, Webhooks: hooks, Foreign: foreign,
	}, ingest.Deps{
		Tracer:  s.traces.Tracer(),
		Console: pages,
		Metrics: s.metrics.Handler(), Answered: s.metrics.Request, Delivered: s.metrics.Delivery, Reused: s.metrics.Reused,
		Stream: store{s}, Failed: store{s}, Validate: set.Validate, Warn: set.Warnings, Schema: schemas.JSON, Ready: s.ready,
		Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Log:    s.Log,
	})
	if !c.HTTP.Events {
		return withoutEvents(all), nil
	}
	return all, nil
}

// withoutEvents returns the handler without the paths for events and deliveries.
func withoutEvents(all http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" || strings.HasPrefix(r.URL.Path, "/webhooks/") {
			http.Error(w, "this process takes no events: http.events is false", http.StatusNotFound)
			return
		}
		all.ServeHTTP(w, r)
	})
}
