package engine

import (
	"strings"
	"sync/atomic"

	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
)

// Server is the HTTP side of a process. The server answers before NATS is connected.
type Server struct {
	Options
	streams atomic.Pointer[streams.Set] // nil until Connect
	serving atomic.Pointer[Engine]      // nil until the workers run
	metrics *telemetry.Metrics
	traces  *telemetry.Traces // nil: no traces

	current atomic.Pointer[config.Config] // the configuration in use; nil: Config
	site    atomic.Pointer[site]          // nil without an HTTP endpoint
	service atomic.Pointer[ops.Service]   // of the configuration in use; nil until its first use
	reloads reloads
}

// NewServer returns a server without a connection to NATS.
func NewServer(o Options) (*Server, error) {
	s := &Server{Options: o, metrics: telemetry.New(o.Version)}
	s.metrics.NATS(func() bool { return s.natsStatus() == "ok" })
	c := o.Config.Traces
	headers, _ := c.Sent() // checked by config.Load
	var err error
	s.traces, err = telemetry.NewTraces(telemetry.TracesConfig{Endpoint: c.Endpoint, Headers: headers, Ratio: c.Ratio, Version: o.Version, Log: o.Log})
	if s.traces != nil {
		o.Log.Info().Str("endpoint", c.Endpoint).Float64("ratio", c.Ratio).Msg("sending traces")
	}
	return s, err
}

// Connect gives the connection to NATS to the server.
func (s *Server) Connect(set *streams.Set) { s.streams.Store(set) }

// Engine returns the workers of the process, on the connection of the server. The server is
// ready once the workers run.
func (s *Server) Engine() *Engine {
	e := &Engine{
		Config: s.settings(), Catalog: s.Catalog, Log: s.Log, Streams: s.streams.Load(), Reload: s.Reload, Observe: s.Observe,
		Metrics: s.metrics, Traces: s.traces,
	}
	e.ready = func() { s.serving.Store(e) }
	return e
}

// natsStatus returns "ok" for an open connection to NATS, else the status of the connection.
func (s *Server) natsStatus() string {
	set := s.streams.Load()
	if set == nil {
		return "connecting"
	}
	return natsconn.Status(set.Client.JetStream.Conn())
}

// ready returns the readiness of the process, by part.
func (s *Server) ready() ingest.Readiness {
	parts := map[string]string{"nats": s.natsStatus(), "workers": "waiting for NATS"}
	e := s.serving.Load()
	ready := parts["nats"] == "ok" && e != nil
	switch {
	case !s.settings().Worker.On:
		parts["workers"] = "off"
	case e != nil:
		parts["workers"] = "ok"
		if failing := e.failing(); len(failing) > 0 {
			parts["workers"] = "NATS fails steps for " + strings.Join(failing, ", ") + ": they are tried again"
		}
		if missing := e.missing.Load(); missing != nil {
			parts["streams"] = *missing
		}
	}
	return ingest.Readiness{Ready: ready, Parts: parts}
}

// console returns the pages of the console for the people in the configuration, and for
// everybody on this machine with OpenConsole. Close ends the pages.
func (s *Server) console(of config.Config) (*console.Console, error) {
	proxies, err := clientlimit.ParseProxies(of.HTTP.TrustedProxies)
	if err != nil {
		return nil, err
	}
	c := console.Config{Open: s.OpenConsole, Proxies: proxies}
	for _, token := range of.Console.Tokens {
		c.People = append(c.People, console.Person{Name: "operator", Operator: true, Token: token})
	}
	for _, p := range of.Console.People {
		c.People = append(c.People, console.Person{Name: p.Name, Operator: p.Role == config.RoleOperator, Token: p.Token, Rights: console.Rights(p.PersonRights)})
	}
	c.OIDC = oidcOf(of.Console.OIDC)
	return console.New(c, console.Deps{Service: s.operations, Log: s.Log, Version: s.Version})
}

// oidcOf returns the log-in at a provider; nil without one.
func oidcOf(o config.OIDC) *console.OIDC {
	if !o.On() {
		return nil
	}
	out := &console.OIDC{Issuer: o.Issuer, ClientID: o.ClientID, Secret: o.ClientSecret, RedirectURL: o.RedirectURL, Scopes: o.Scopes, NameClaim: o.NameClaim}
	for _, r := range o.Rules {
		out.Rules = append(out.Rules, console.OIDCRule{Claim: r.Claim, Value: r.Value, Operator: r.Role == config.RoleOperator, Rights: console.Rights(r.PersonRights)})
	}
	return out
}

// operations returns the operations for people; nil before Connect.
func (s *Server) operations() *ops.Service {
	set := s.streams.Load()
	if set == nil {
		return nil
	}
	if service := s.service.Load(); service != nil {
		return service
	}
	service := s.Catalog.Service(set, s.settings())
	s.service.Store(service)
	return service
}
