// Package config holds every setting of Usher: names in file and environment, defaults, and
// which values fit together.
//
// A value comes from the defaults, then the file, then the environment, then the flags; the
// last source wins. Load reports all faults at once.
package config

import (
	"net"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Config has every setting. The key of a setting in the file is the path of its yaml names
// (worker.ack_wait). The environment variable is USHER_ and the path in upper case, without
// "vendors." (USHER_WORKER_ACK_WAIT, USHER_LEAD_EMAIL).
type Config struct {
	Source string `yaml:"source" env:"SOURCE"` // CloudEvents source of results; default /usher
	Order  Order  `yaml:"order"`               // source → the order of a user's events: position or time; file only; default position
	// Extensions is ExtensionsRefuse or ExtensionsDrop: the treatment of events with extension attributes
	// that break CloudEvents, such as event_source. Default refuse.
	Extensions string `yaml:"extensions" env:"EXTENSIONS"`
	NATS       NATS   `yaml:"nats" envPrefix:"NATS_"`
	HTTP       HTTP   `yaml:"http" envPrefix:"HTTP_"`
	// Console is the access to the pages at /console/ of the HTTP endpoint.
	Console Console `yaml:"console" envPrefix:"CONSOLE_"`
	Log     Log     `yaml:"log" envPrefix:"LOG_"`
	Traces  Traces  `yaml:"traces" envPrefix:"TRACES_"`
	Worker  Worker  `yaml:"worker" envPrefix:"WORKER_"`
	// Activity is the treatment of activity events.
	Activity Activity `yaml:"activity" envPrefix:"ACTIVITY_"`
	// Deletions is the deletion guard: above these limits, deletions at all vendors wait for a
	// person's approval.
	Deletions Deletions `yaml:"deletions" envPrefix:"DELETIONS_"`
	Profiles  Profiles  `yaml:"profiles" envPrefix:"PROFILES_"`
	// Notify are the messages about problems, for the people on call.
	Notify   Notify    `yaml:"notify" envPrefix:"NOTIFY_"`
	Vendors  []Section `yaml:"vendors" env:"-"` // from Sources
	Webhooks Webhooks  `yaml:"webhooks"`        // senders of signed deliveries, by the name in the path; file only; default none
	From     Foreigns  `yaml:"from"`            // CloudEvents of other systems that become events, by a name; file only; default none
	Courses  Courses   `yaml:"courses"`         // our course id → vendor → the vendor's course id; file only; default none

	origins  map[string]string // key → source of the value; no entry for a default
	lines    map[string]string // key → file:line
	file     string            // path of the file; empty: there is none
	readAt   time.Time
	warnings []string
}

// NATS configures the connection to NATS, or the embedded server, and the retention of the
// streams.
type NATS struct {
	// Context is a context of the nats command, or the path of its file, for the settings of the
	// connection without a value. Default $NATS_CONTEXT, or $NATS_URL, without a server here.
	Context string `yaml:"context" env:"CONTEXT"`
	// URL is one server or several, separated by commas. Default "": the embedded server. The
	// URL may contain a password; log Servers instead.
	URL      string         `yaml:"url" env:"URL"`
	Creds    string         `yaml:"creds" env:"CREDS"`       // path of a .creds file; default none
	NKey     string         `yaml:"nkey" env:"NKEY"`         // path of a file with an nkey seed; default none
	User     string         `yaml:"user" env:"USER"`         // default none; also required from clients of a listening embedded server
	Password vendors.Secret `yaml:"password" env:"PASSWORD"` // password of User
	Token    vendors.Secret `yaml:"token" env:"TOKEN"`       // instead of User and Password; default none
	CA       string         `yaml:"ca" env:"CA"`             // path of the PEM file of the server's CA; default the system's
	Cert     string         `yaml:"cert" env:"CERT"`         // path of the client certificate, PEM; default none
	Key      string         `yaml:"key" env:"KEY"`           // path of the key of Cert, PEM; default none
	// TLSFirst lets TLS begin before the server's greeting, for a server with handshake_first.
	TLSFirst    bool   `yaml:"tls_first" env:"TLS_FIRST"`       // default false
	Domain      string `yaml:"domain" env:"DOMAIN"`             // JetStream domain, as behind a leaf node; default none
	APIPrefix   string `yaml:"api_prefix" env:"API_PREFIX"`     // prefix of an imported JetStream API, such as JS.hub.API; default none
	InboxPrefix string `yaml:"inbox_prefix" env:"INBOX_PREFIX"` // of the subjects of answers; default _INBOX
	// Prefix precedes the names of all streams, buckets, consumers and own subjects, so that
	// several Ushers share an account. Default "".
	Prefix        string   `yaml:"prefix" env:"PREFIX"`
	EventsPrefix  string   `yaml:"events_prefix" env:"EVENTS_PREFIX"`   // precedes the type in subjects of events: prod is prod.user.created; default Prefix, or none with EventsStream
	ResultsPrefix string   `yaml:"results_prefix" env:"RESULTS_PREFIX"` // precedes the type in subjects of results; default Prefix
	Embedded      Embedded `yaml:"embedded" envPrefix:"EMBEDDED_"`

	// EventsStream is an existing stream with the subjects of all event types, which Usher only
	// reads. Default "": Usher manages the stream EVENTS.
	EventsStream  string         `yaml:"events_stream" env:"EVENTS_STREAM"`
	Replicas      int            `yaml:"replicas" env:"REPLICAS"`               // of every stream and bucket: 1, 3 or 5; default 1
	EventsMaxAge  time.Duration  `yaml:"events_max_age" env:"EVENTS_MAX_AGE"`   // default 720h (30 days)
	ResultsMaxAge time.Duration  `yaml:"results_max_age" env:"RESULTS_MAX_AGE"` // default 720h (30 days)
	DeadMaxAge    time.Duration  `yaml:"dead_max_age" env:"DEAD_MAX_AGE"`       // of dead letters; default 2160h (90 days)
	AuditMaxAge   time.Duration  `yaml:"audit_max_age" env:"AUDIT_MAX_AGE"`     // of the audit log; default 8760h (a year)
	AuditKey      vendors.Secret `yaml:"audit_key" env:"AUDIT_KEY"`             // signs the entries of the audit log; at least 16 bytes; default none: changes and removals are found, forged chains are not
	// EventsKeys seal the events of signed deliveries: a worker refuses an event of a source below
	// /webhooks/ that another producer published. The first key seals, every key is accepted; at
	// least 16 bytes each. Default none: not checked.
	EventsKeys Tokens `yaml:"events_keys" env:"EVENTS_KEYS"`
	// AuditAPIPrefix is the prefix of an imported JetStream API with the stream AUDIT, in an
	// account of its own. Default "": AUDIT is beside the other streams.
	AuditAPIPrefix  string        `yaml:"audit_api_prefix" env:"AUDIT_API_PREFIX"`
	HistoryMaxAge   time.Duration `yaml:"history_max_age" env:"HISTORY_MAX_AGE"`   // of finished effects, for usher user; default 8760h (a year)
	DuplicateWindow time.Duration `yaml:"duplicate_window" env:"DUPLICATE_WINDOW"` // deduplication window of EVENTS and RESULTS; default 5m (1 million ids use 235 MB)
	// Storage is the disk for all streams and buckets, shared out among them by size. A full stream
	// rejects messages. Default auto: 32GiB, a quarter of the room of the embedded server, or less if the
	// server has less.
	Storage  Storage `yaml:"storage" env:"STORAGE"`
	MaxBytes Bytes   `yaml:"max_bytes" env:"MAX_BYTES"` // of EVENTS, and of RESULTS; default 0: a share of Storage
	Limits   Limits  `yaml:"limits" env:"LIMITS"`       // of single streams and buckets, by name without a prefix; default none
}

// Embedded configures the embedded server, for an empty nats.url.
type Embedded struct {
	Dir  string `yaml:"dir" env:"DIR"`   // directory of the files; default data/nats
	Sync Sync   `yaml:"sync" env:"SYNC"` // default always: a power failure loses no acknowledged message
	Addr string `yaml:"addr" env:"ADDR"` // host:port to listen on; default "": this process only
}

// HTTP configures the HTTP endpoint.
type HTTP struct {
	Addr string `yaml:"addr" env:"ADDR"` // host:port, or "off"; default 127.0.0.1:8080
	// Events turns on the endpoints for events and signed deliveries. Without them, all that
	// remains needs no token, or a token of the console. Default true.
	Events bool   `yaml:"events" env:"EVENTS"`
	Tokens Tokens `yaml:"tokens" env:"TOKENS"` // bearer tokens, several for rotation; default none, allowed on loopback only
	// Clients may post events of some sources or types only, each with a token; file only.
	// Default none.
	Clients Clients `yaml:"clients"`
	// TrustedProxies are addresses and networks of proxies whose X-Forwarded-For tells the address of a
	// client. Default none.
	TrustedProxies Names         `yaml:"trusted_proxies" env:"TRUSTED_PROXIES"`
	TLSCert        string        `yaml:"tls_cert" env:"TLS_CERT"`       // path of a PEM file, reloaded after a change; default none: no TLS
	TLSKey         string        `yaml:"tls_key" env:"TLS_KEY"`         // path of the key of TLSCert
	MaxBody        Bytes         `yaml:"max_body" env:"MAX_BODY"`       // of a request, and at most the max_payload of NATS; default 1MiB
	Connections    int           `yaml:"connections" env:"CONNECTIONS"` // open connections at a time; default 1000
	Rate           float64       `yaml:"rate" env:"RATE"`               // requests per second of one client; 0: no limit; default 100
	Timeout        time.Duration `yaml:"timeout" env:"TIMEOUT"`         // to receive a request; default 30s
	Idle           time.Duration `yaml:"idle" env:"IDLE"`               // of a connection without a request; default 2m
	Origins        Names         `yaml:"origins" env:"ORIGINS"`         // origins that may ask for permission to deliver by web hook, "*" is any; default none
	Callbacks      Names         `yaml:"callbacks" env:"CALLBACKS"`     // hosts that may receive such a permission by https; default none
}

// Log configures logging.
type Log struct {
	Level  string `yaml:"level" env:"LEVEL"`   // trace, debug, info, warn or error; default info
	Format string `yaml:"format" env:"FORMAT"` // json, console, or auto: console on a terminal, else json; default auto
}

// Worker has the time limits that keep an effect from being made twice. The limits depend on
// each other: Load rejects combinations that cannot work.
type Worker struct {
	// On makes this process work on events. Otherwise the process only accepts events over
	// HTTP, for other processes, and needs no vendor. Default true.
	On bool `yaml:"on" env:"ON"`
	// Measure makes a process with On false read the state of all vendors for the metrics.
	// Otherwise such a process without the console needs only the NATS rights of the user ingest.
	// Default true.
	Measure bool `yaml:"measure" env:"MEASURE"`
	// AckWait is the time without a sign of life after which NATS redelivers an activity event.
	// Default 8s.
	AckWait time.Duration `yaml:"ack_wait" env:"ACK_WAIT"`
	// CallLease is how long after its claim a vendor call may begin. Default 12s.
	CallLease time.Duration `yaml:"call_lease" env:"CALL_LEASE"`
	// PrerequisiteWait is how long an effect waits for a prerequisite, such as an enrolment for
	// the account, before the dead letter. Default 10m.
	PrerequisiteWait time.Duration `yaml:"prerequisite_wait" env:"PREREQUISITE_WAIT"`
	// RetryMin is the first backoff after a failure; each further backoff is twice as long.
	// Default 1s.
	RetryMin time.Duration `yaml:"retry_min" env:"RETRY_MIN"`
	// RetryMax is the longest backoff. Default 10m.
	RetryMax time.Duration `yaml:"retry_max" env:"RETRY_MAX"`
	// HoldRetry is the time between probes of a vendor with an open circuit. Default 30s.
	HoldRetry time.Duration `yaml:"hold_retry" env:"HOLD_RETRY"`
	// MaxAckPending is the maximum number of activity events of one vendor in progress, in all
	// processes. Waiting events do not count. Default 20000.
	MaxAckPending int `yaml:"max_ack_pending" env:"MAX_ACK_PENDING"`
	// MaxReplays is how often a dead letter may be replayed and fail again, before usher dead
	// replay skips the dead letter by default. Default 5.
	MaxReplays int `yaml:"max_replays" env:"MAX_REPLAYS"`
	// Shutdown is how long a stopping process waits for effects in progress. Default 15s.
	Shutdown time.Duration `yaml:"shutdown" env:"SHUTDOWN"`
}

// Activity configures the treatment of activity events.
type Activity struct {
	// Memory is the time for which a repeated activity is recognized. Default 168h (7 days).
	Memory time.Duration `yaml:"memory" env:"MEMORY"`
	// Order is OrderUser or OrderNone. Default OrderUser.
	Order string `yaml:"order" env:"ORDER"`
}

// The values of Activity.Order.
const (
	// OrderUser lets the calls of a user at a vendor begin in the order of the stream. One process
	// at a time takes the activity of a vendor.
	OrderUser = "user"
	// OrderNone lets all processes take the activity of a vendor.
	OrderNone = "none"
)

// The values of Config.Extensions.
const (
	ExtensionsRefuse = "refuse" // the event is at fault
	ExtensionsDrop   = "drop"   // the extension is left out
)

// DropsExtensions reports whether faulty extensions are left out.
func (c Config) DropsExtensions() bool { return c.Extensions == ExtensionsDrop }

// Deletions has the limits of the deletion guard.
type Deletions struct {
	Window time.Duration `yaml:"window" env:"WINDOW"` // time over which user.deleted are counted; default 1h
	Count  int           `yaml:"count" env:"COUNT"`   // maximum in a window; default 1000; 0 turns the deletion guard off
	Share  float64       `yaml:"share" env:"SHARE"`   // maximum share of all events in a window, from 0 to 1, if there are 100 deletions or more; default 0.5
}

// Profiles configures the profiles of users, which exist for the rules scope and map of vendors.
type Profiles struct {
	// Keys are paths of files with a key: 32 bytes in base64. The first key encrypts, and every
	// key decrypts. Default none: no encryption.
	Keys Names `yaml:"keys" env:"KEYS"`
}

// DeletionsAt returns the limits of the deletion guard at a vendor: the limits over all vendors,
// unless the vendor has limits of its own.
func (c Config) DeletionsAt(s Section) Deletions {
	d, own := c.Deletions, s.Rules.Deletions
	set := func(name string) bool { return c.origins[s.key("deletions."+name)] != "" }
	if set("window") {
		d.Window = own.Window
	}
	if set("count") {
		d.Count = own.Count
	}
	if set("share") {
		d.Share = own.Share
	}
	return d
}

// Default returns the default settings, without vendors. Vendors have defaults of their own.
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
			DuplicateWindow: 5 * time.Minute,
			Storage:         StorageAuto,
			Limits:          Limits{},
		},
		HTTP:    HTTP{Addr: "127.0.0.1:8080", Events: true, MaxBody: 1 << 20, Connections: 1000, Rate: 100, Timeout: 30 * time.Second, Idle: 2 * time.Minute},
		Console: Console{OIDC: OIDC{Scopes: Names{"profile"}, NameClaim: "preferred_username"}},
		Log:     Log{Level: "info", Format: "auto"},
		Traces:  Traces{Ratio: 1},
		Worker: Worker{
			On:               true,
			Measure:          true,
			AckWait:          8 * time.Second,
			CallLease:        12 * time.Second,
			PrerequisiteWait: 10 * time.Minute,
			RetryMin:         time.Second,
			RetryMax:         10 * time.Minute,
			HoldRetry:        30 * time.Second,
			MaxAckPending:    20_000,
			MaxReplays:       5,
			Shutdown:         15 * time.Second,
		},
		Extensions: ExtensionsRefuse,
		Activity:   Activity{Memory: 168 * time.Hour, Order: OrderUser},
		Deletions:  Deletions{Window: time.Hour, Count: 1000, Share: 0.5},
		Notify:     Notify{Every: time.Hour, Lag: 15 * time.Minute},
	}
}

// Warnings returns settings that are allowed but probably mistakes, such as an unknown variable
// that begins with USHER_.
func (c Config) Warnings() []string { return c.warnings }

// RunsEmbedded reports whether the NATS server runs in this process.
func (n NATS) RunsEmbedded() bool { return n.URL == "" }

// On reports whether there is an HTTP endpoint.
func (h HTTP) On() bool { return h.Addr != httpOff }

// Order maps a source of events to the order of its events for one user: OrderPosition, the
// default, or OrderTime.
type Order map[string]string

// The orders of the events of a source.
const (
	OrderPosition = "position" // as stored
	OrderTime     = "time"     // by the sender
)

// ByTime returns the sources whose events have the order of the sender's time.
func (o Order) ByTime() (list []string) {
	for _, source := range sorted(o) {
		if o[source] == OrderTime {
			list = append(list, source)
		}
	}
	return list
}

// Courses maps our course id to vendor to the vendor's course id.
type Courses map[string]map[string]string

// For returns the courses of one vendor: our id to the vendor's id.
func (c Courses) For(vendor string) map[string]string {
	out := map[string]string{}
	for ours, at := range c {
		if id, ok := at[vendor]; ok {
			out[ours] = id
		}
	}
	return out
}

// loopback reports whether addr (host:port) is reachable from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && loopbackHost(host)
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
