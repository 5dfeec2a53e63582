package engine

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/console"
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
	first, err := s.newSite(c)
	if err != nil {
		return nil, err
	}
	s.swapSite(first)
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
		closePages := func() { s.site.Load().pages.Close() }
		defer closePages()
		defer context.AfterFunc(ctx, closePages)() // open pages must not delay the shutdown
		return ingest.Serve(ctx, l, limits, http.HandlerFunc(s.answer), s.Log)
	}, nil
}

// site is the HTTP endpoint of one configuration.
type site struct {
	handler http.Handler
	pages   *console.Console
}

// newSite returns the HTTP endpoint of a configuration; nil without an address.
func (s *Server) newSite(c config.Config) (*site, error) {
	if !c.HTTP.On() {
		return nil, nil
	}
	pages, err := s.console(c)
	if err != nil {
		return nil, err
	}
	h, err := s.handler(c, pages)
	return &site{h, pages}, err
}

// swapSite lets a site answer all further requests, and closes the pages of the former one.
func (s *Server) swapSite(next *site) {
	if former := s.site.Swap(next); former != nil {
		former.pages.Close()
	}
}

// answer answers a request by the configuration in use.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.site.Load().handler.ServeHTTP(w, r)
}

// warnOfClients logs the clients that may use the sources of others: such a client can take the
// id of an event before the producer of the event does.
func (s *Server) warnOfClients() {
	for _, client := range s.settings().HTTP.Clients {
		if len(client.Sources) == 0 && s.settings().HTTP.Events {
			s.Log.Warn().Str("client", client.Name).Msg("the client may send events of every source, also with the ids of others; set sources in http.clients")
		}
	}
}

// handler returns the handler of all paths, with the pages of the console.
func (s *Server) handler(c config.Config, pages http.Handler) (http.Handler, error) {
	set, err := schemas.New()
	if err != nil {
		return nil, err
	}
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
		Origins: c.HTTP.Origins, Callbacks: c.HTTP.Callbacks, Webhooks: hooks, Foreign: foreign, Reader: events.Reader{DropExtensions: c.DropsExtensions()},
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
