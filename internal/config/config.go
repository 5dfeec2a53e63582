// Package config holds every setting of Usher: what it is called in the file
// and in the environment, what it is when nobody sets it, and which values can
// work together.
//
// A value comes from the defaults, then the file, then the environment, then
// the flags; the later one wins. Load reports all faults at once.
package config

import (
	"net"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Config is every setting. The key of a setting in the file is the path of its
// yaml names (worker.ack_wait); its variable is USHER_ and that path in upper
// case, without "vendors." (USHER_WORKER_ACK_WAIT, USHER_LEAD_EMAIL).
type Config struct {
	Source string `yaml:"source" env:"SOURCE"` // CloudEvents source of our results; default /usher
	NATS   NATS   `yaml:"nats" envPrefix:"NATS_"`
	HTTP   HTTP   `yaml:"http" envPrefix:"HTTP_"`
	// Console is the pages at /console/ of the HTTP endpoint.
	Console Console `yaml:"console" envPrefix:"CONSOLE_"`
	Log     Log     `yaml:"log" envPrefix:"LOG_"`
	Traces  Traces  `yaml:"traces" envPrefix:"TRACES_"`
	Worker  Worker  `yaml:"worker" envPrefix:"WORKER_"`
	// Deletions is the safety stop: more than usual are held at all vendors until
	// a person approves them.
	Deletions Deletions `yaml:"deletions" envPrefix:"DELETIONS_"`
	Vendors   []Section `yaml:"vendors" env:"-"` // as Sources gave them
	Webhooks  Webhooks  `yaml:"webhooks"`        // senders of signed deliveries, by the name in their path; file only; default none
	Courses   Courses   `yaml:"courses"`         // our course id → vendor → the vendor's course id; file only; default none

	origins  map[string]string // key → where its value came from; the default where it is missing
	lines    map[string]string // key → file:line
	warnings []string
}

// NATS says how to reach NATS, or how to run it in the process, and what the
// streams keep.
type NATS struct {
	// URL is one server or several, separated by commas. Default empty: the
	// embedded server. It may hold a password: print Servers instead.
	URL      string         `yaml:"url" env:"URL"`
	Creds    string         `yaml:"creds" env:"CREDS"`       // path of a .creds file; default none
	NKey     string         `yaml:"nkey" env:"NKEY"`         // path of a file with an nkey seed; default none
	User     string         `yaml:"user" env:"USER"`         // default none; with an embedded server that listens, what its clients must give
	Password vendors.Secret `yaml:"password" env:"PASSWORD"` // goes with User
	Token    vendors.Secret `yaml:"token" env:"TOKEN"`       // instead of User and Password; default none
	CA       string         `yaml:"ca" env:"CA"`             // path of the PEM file that signs the server; default the system's
	Cert     string         `yaml:"cert" env:"CERT"`         // path of our own certificate, PEM; default none
	Key      string         `yaml:"key" env:"KEY"`           // path of its key, PEM; default none
	Embedded Embedded       `yaml:"embedded" envPrefix:"EMBEDDED_"`

	// EventsStream is a stream of the user's own that holds the subjects of all types;
	// Usher then only reads it. Default empty: Usher keeps EVENTS itself.
	EventsStream    string        `yaml:"events_stream" env:"EVENTS_STREAM"`
	Replicas        int           `yaml:"replicas" env:"REPLICAS"`                 // of every stream and bucket: 1, 3 or 5; default 1
	EventsMaxAge    time.Duration `yaml:"events_max_age" env:"EVENTS_MAX_AGE"`     // default 720h (30 days)
	ResultsMaxAge   time.Duration `yaml:"results_max_age" env:"RESULTS_MAX_AGE"`   // default 720h (30 days)
	DeadMaxAge      time.Duration `yaml:"dead_max_age" env:"DEAD_MAX_AGE"`         // of dead letters; default 2160h (90 days)
	AuditMaxAge     time.Duration `yaml:"audit_max_age" env:"AUDIT_MAX_AGE"`       // of who did what by hand; default 8760h (a year)
	HistoryMaxAge   time.Duration `yaml:"history_max_age" env:"HISTORY_MAX_AGE"`   // of finished effects, as usher user lists them; default 8760h (a year)
	EffectsTTL      time.Duration `yaml:"effects_ttl" env:"EFFECTS_TTL"`           // memory of activity events; default 168h (7 days)
	DuplicateWindow time.Duration `yaml:"duplicate_window" env:"DUPLICATE_WINDOW"` // of EVENTS and RESULTS; default 5m (1 M ids in it cost 235 MB)
	MaxBytes        Bytes         `yaml:"max_bytes" env:"MAX_BYTES"`               // of EVENTS, and of RESULTS, which refuse more; default 0: no limit
}

// Embedded says how the server in the process runs when nats.url is empty.
type Embedded struct {
	Dir  string `yaml:"dir" env:"DIR"`   // where it keeps its files; default data/nats
	Sync Sync   `yaml:"sync" env:"SYNC"` // default always: a power cut loses nothing that was acknowledged
	Addr string `yaml:"addr" env:"ADDR"` // host:port to listen on; default empty: in the process only
}

// HTTP says where and to whom the HTTP endpoint answers.
type HTTP struct {
	Addr string `yaml:"addr" env:"ADDR"` // host:port, or "off"; default 127.0.0.1:8080
	// Events tells whether events and signed deliveries are taken. Where they are not,
	// what is left asks nobody for a token, or for one of the console's. Default true.
	Events bool   `yaml:"events" env:"EVENTS"`
	Tokens Tokens `yaml:"tokens" env:"TOKENS"` // bearer tokens, several for rotation; default none, allowed on loopback only
	// Clients are those who may post events of some sources or types only, each with
	// a token of its own; file only. Default none.
	Clients   Clients       `yaml:"clients"`
	TLSCert   string        `yaml:"tls_cert" env:"TLS_CERT"`   // path of a PEM file, read again when it changes; default none: no TLS
	TLSKey    string        `yaml:"tls_key" env:"TLS_KEY"`     // path of its key
	MaxBody   Bytes         `yaml:"max_body" env:"MAX_BODY"`   // of a request, and never above what NATS takes; default 1MiB
	Rate      float64       `yaml:"rate" env:"RATE"`           // requests per second of one client; 0: no limit; default 100
	Timeout   time.Duration `yaml:"timeout" env:"TIMEOUT"`     // for a request to come in; default 30s
	Idle      time.Duration `yaml:"idle" env:"IDLE"`           // how long a connection is kept between requests; default 2m
	Origins   Names         `yaml:"origins" env:"ORIGINS"`     // who may ask for permission to deliver by web hook, "*" is any; default none
	Callbacks Names         `yaml:"callbacks" env:"CALLBACKS"` // hosts that such a permission may be sent to over https; default none
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level" env:"LEVEL"`   // trace, debug, info, warn or error; default info
	Format string `yaml:"format" env:"FORMAT"` // json, console, or auto: console on a terminal, else json; default auto
}

// Worker holds the time limits that keep an effect from being done twice. They
// depend on each other: Load refuses a set that cannot work.
type Worker struct {
	// On tells whether this process acts on events. One that does not takes them in
	// over HTTP, for others to act on, and needs no vendor. Default true.
	On bool `yaml:"on" env:"ON"`
	// AckWait is how long an activity event may go without a sign of life before NATS
	// gives the event to another process. Default 30s.
	AckWait time.Duration `yaml:"ack_wait" env:"ACK_WAIT"`
	// CallLease is how long after its claim a vendor call may still begin. Default 12s.
	CallLease time.Duration `yaml:"call_lease" env:"CALL_LEASE"`
	// PrerequisiteWait is how long an effect waits for what must come before it,
	// as an enrolment waits for its user, until it becomes a dead letter. Default 10m.
	PrerequisiteWait time.Duration `yaml:"prerequisite_wait" env:"PREREQUISITE_WAIT"`
	// RetryMin is the first wait after a failure, which then doubles. Default 1s.
	RetryMin time.Duration `yaml:"retry_min" env:"RETRY_MIN"`
	// RetryMax is the longest wait after a failure. Default 10m.
	RetryMax time.Duration `yaml:"retry_max" env:"RETRY_MAX"`
	// HoldRetry is the wait between trials of a vendor that is on hold. Default 30s.
	HoldRetry time.Duration `yaml:"hold_retry" env:"HOLD_RETRY"`
	// MaxAckPending is how many activity events of one vendor may be at work, in all
	// processes. Nothing that waits counts. Default 20000.
	MaxAckPending int `yaml:"max_ack_pending" env:"MAX_ACK_PENDING"`
	// MaxReplays is how often a dead letter may be sent back and fail again, before
	// usher dead replay leaves it alone unless told otherwise. Default 5.
	MaxReplays int `yaml:"max_replays" env:"MAX_REPLAYS"`
	// Shutdown is how long a stopping process waits for running effects. Default 15s.
	Shutdown time.Duration `yaml:"shutdown" env:"SHUTDOWN"`
}

// Deletions says how many users may be deleted before a person is asked.
type Deletions struct {
	Window time.Duration `yaml:"window" env:"WINDOW"` // over which user.deleted are counted; default 1h
	Count  int           `yaml:"count" env:"COUNT"`   // more in a window are held; default 1000; 0 turns the safety stop off
	Share  float64       `yaml:"share" env:"SHARE"`   // of all events in a window, from 0 to 1: more are held, where they are 100 or more; default 0.5
}

// Default returns the settings as they are when nobody sets anything, without
// those of the vendors, who have their own defaults.
func Default() Config {
	return Config{
		Source: "/usher",
		NATS: NATS{
			Embedded:        Embedded{Dir: "data/nats", Sync: SyncAlways},
			Replicas:        1,
			EventsMaxAge:    720 * time.Hour,
			ResultsMaxAge:   720 * time.Hour,
			DeadMaxAge:      2160 * time.Hour,
			AuditMaxAge:     8760 * time.Hour,
			HistoryMaxAge:   8760 * time.Hour,
			EffectsTTL:      168 * time.Hour,
			DuplicateWindow: 5 * time.Minute,
		},
		HTTP:   HTTP{Addr: "127.0.0.1:8080", Events: true, MaxBody: 1 << 20, Rate: 100, Timeout: 30 * time.Second, Idle: 2 * time.Minute},
		Log:    Log{Level: "info", Format: "auto"},
		Traces: Traces{Ratio: 1},
		Worker: Worker{
			On:               true,
			AckWait:          30 * time.Second,
			CallLease:        12 * time.Second,
			PrerequisiteWait: 10 * time.Minute,
			RetryMin:         time.Second,
			RetryMax:         10 * time.Minute,
			HoldRetry:        30 * time.Second,
			MaxAckPending:    20_000,
			MaxReplays:       5,
			Shutdown:         15 * time.Second,
		},
		Deletions: Deletions{Window: time.Hour, Count: 1000, Share: 0.5},
	}
}

// Warnings tells what is allowed but probably not meant, such as a variable
// that begins with USHER_ and that nothing reads.
func (c Config) Warnings() []string { return c.warnings }

// RunsEmbedded tells whether the NATS server runs in this process.
func (n NATS) RunsEmbedded() bool { return n.URL == "" }

// On tells whether there is an HTTP endpoint.
func (h HTTP) On() bool { return h.Addr != httpOff }

// Courses maps our course id to vendor to the vendor's course id.
type Courses map[string]map[string]string

// For returns the courses of one vendor: our id to the vendor's.
func (c Courses) For(vendor string) map[string]string {
	out := map[string]string{}
	for ours, at := range c {
		if id, ok := at[vendor]; ok {
			out[ours] = id
		}
	}
	return out
}

// loopback tells whether addr (host:port) is reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && loopbackHost(host)
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
