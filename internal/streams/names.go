package streams

import (
	"cmp"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
)

// Names are the streams, the buckets and the subjects. An empty field has the default. Above
// this package, streams, buckets and subjects have the names without a prefix: the methods
// return the names at the server.
type Names struct {
	// Prefix begins every name of this Usher: STAGING_RESULTS, KV_STAGING_ACCOUNTS,
	// staging-usher.dead, staging-usher-lead-lifecycle. Empty: the names without a prefix.
	Prefix string
	// EventPrefix and ResultPrefix precede the type in the subjects of events and of results:
	// prod is prod.user.created. Empty: the type alone.
	EventPrefix, ResultPrefix string

	Timers    string // stream of timers and wakes: TIMERS
	Leases    string // stream of leases: LEASES
	Ownership string // key-value bucket of ownership: OWNERSHIP
	Index     string // key-value bucket of the index of accounts: ACCOUNT_INDEX

	TimerSubject string // prefix of the subjects of timers: usher.timer
	WakeSubject  string // prefix of the subjects of wakes: usher.wake
	LeaseSubject string // prefix of the subjects of leases: usher.lease

	// ConsumerPrefix begins the names of the consumers on the stream of events: usher-.
	ConsumerPrefix string
}

// WithDefaults returns the names with every empty field filled.
func (n Names) WithDefaults() Names {
	n.Timers = cmp.Or(n.Timers, n.upper("TIMERS"))
	n.Leases = cmp.Or(n.Leases, n.upper("LEASES"))
	n.Ownership = cmp.Or(n.Ownership, n.upper("OWNERSHIP"))
	n.Index = cmp.Or(n.Index, n.upper("ACCOUNT_INDEX"))
	n.TimerSubject = cmp.Or(n.TimerSubject, n.Subject("usher.timer"))
	n.WakeSubject = cmp.Or(n.WakeSubject, n.Subject("usher.wake"))
	n.LeaseSubject = cmp.Or(n.LeaseSubject, n.Subject("usher.lease"))
	n.ConsumerPrefix = cmp.Or(n.ConsumerPrefix, n.Consumer("usher-"))
	return n
}

// prefixed are the names of Stream and Bucket that the prefix precedes. The stream of events
// may be a stream of the user, so Names.Events decides.
var prefixed = []string{ResultsStream, ReplaysStream, DeadLettersStream, AuditStream, HistoryStream, AccountsBucket, EffectsBucket, ActivityBucket, ProfilesBucket, EmailsBucket, ControlBucket}

// Stream returns the name of a stream at the server. A bucket's stream begins with KV_.
func (n Names) Stream(name string) string {
	if bucket, ok := strings.CutPrefix(name, "KV_"); ok {
		return "KV_" + n.Bucket(bucket)
	}
	return n.Bucket(name)
}

// Bucket returns the name of a bucket at the server.
func (n Names) Bucket(name string) string {
	if !slices.Contains(prefixed, name) {
		return name
	}
	return n.upper(name)
}

// Events returns the name of Usher's own stream of events at the server.
func (n Names) Events() string { return n.upper(EventsStream) }

func (n Names) upper(name string) string {
	if n.Prefix == "" {
		return name
	}
	return strings.ToUpper(n.Prefix) + "_" + name
}

// Subject returns a subject of Usher's own, such as usher.audit, at the server.
func (n Names) Subject(s string) string {
	if n.Prefix == "" {
		return s
	}
	return n.Prefix + "-" + s
}

// Consumer returns the name of a durable consumer at the server.
func (n Names) Consumer(name string) string { return n.Subject(name) }

// Event returns the subject of a type of event.
func (n Names) Event(kind string) string { return under(n.EventPrefix, kind) }

// Result returns the subject of the results of a type at a vendor, or at every vendor: "*".
func (n Names) Result(kind, vendor string) string {
	return under(n.ResultPrefix, events.ResultSubject(kind, vendor))
}

func under(prefix, subject string) string {
	if prefix == "" {
		return subject
	}
	return prefix + "." + subject
}

// Filters returns subjects of Usher's own and types of events as subjects at the server. Other
// subjects stay.
func (n Names) Filters(subjects []string) []string {
	var list []string
	for _, s := range subjects {
		list = append(list, n.wire(s))
	}
	return list
}

func (n Names) wire(subject string) string {
	switch {
	case strings.HasPrefix(subject, "usher."):
		return n.Subject(subject)
	case events.IsType(subject):
		return n.Event(subject)
	default:
		return subject
	}
}

// plain returns a subject at the server without a prefix: usher.dead.…, or the type of event.
func (n Names) plain(subject string) string {
	if own, ok := strings.CutPrefix(subject, n.Prefix+"-usher."); ok && n.Prefix != "" {
		return "usher." + own
	}
	kind, ok := strings.CutPrefix(subject, n.EventPrefix+".")
	if ok && events.IsType(kind) {
		return kind
	}
	return subject
}
