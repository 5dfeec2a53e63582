// Package natsrights holds the rights that the users of NATS need: the workers, the endpoint for
// events, the people, and the producers.
package natsrights

import (
	"slices"

	"github.com/usherhq/usher/internal/streams"
)

// The users, in the order of the configuration for nats-server.
const (
	Worker   = "worker"
	Ingest   = "ingest"
	Operator = "operator"
	Producer = "producer"
)

// Users lists the users.
func Users() []string { return []string{Worker, Ingest, Operator, Producer} }

// defaultAPI begins the subjects of JetStream's API.
const defaultAPI = "$JS.API."

// Config selects the names in the rights.
type Config struct {
	Names streams.Names
	// Events is the stream of events; Own reports whether Usher makes the stream.
	Events string
	Own    bool
	// API begins the subjects of JetStream's API, with a dot at the end; empty: $JS.API.
	API string
	// Audit begins the subjects of JetStream's API in the account of AUDIT, with a dot at the end;
	// empty: AUDIT is beside the other streams.
	Audit string
	// Inbox begins the subjects of answers; empty: _INBOX.
	Inbox string
}

// Right is a subject that a user may publish on, and the reason.
type Right struct{ Subject, Why string }

// User is a user with all rights. Every user may subscribe to the answers for it, and to nothing
// else.
type User struct {
	Name    string
	Publish []Right
	Inbox   string // the subject of answers
}

// Of returns a user; see Users.
func (c Config) Of(name string) User {
	c.Names, c.Inbox = c.Names.WithDefaults(), orDefault(c.Inbox, "_INBOX")
	u := User{Name: name, Inbox: c.Inbox + ".>"}
	switch name {
	case Worker:
		u.Publish = c.worker()
	case Ingest:
		u.Publish = c.ingest()
	case Operator:
		u.Publish = c.operator()
	case Producer:
		u.Publish = c.events("events")
	}
	return u
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// events returns the rights to publish events.
func (c Config) events(why string) []Right {
	return []Right{{c.Names.Event("user.*"), why}, {c.Names.Event("enrollment.*"), ""}, {c.Names.Event("activity.*"), ""}}
}

// api returns the right to a request of JetStream's API, such as STREAM.INFO.
func (c Config) api(request, rest, why string) Right {
	return Right{orDefault(c.API, defaultAPI) + request + rest, why}
}

// each returns the rights to a request for several streams. Rest follows the name of the stream.
func (c Config) each(request, rest, why string, names []string) (list []Right) {
	for i, name := range names {
		if i > 0 {
			why = ""
		}
		list = append(list, c.api(request, "."+name+rest, why))
	}
	return list
}

// stored returns the right to store records in a bucket. The client library puts another API before
// the subject.
func (c Config) stored(bucket, why string) Right {
	return Right{c.API + "$KV." + c.bucket(bucket) + ".>", why}
}

func (c Config) bucket(name string) string {
	switch name {
	case ownership:
		return c.Names.Ownership
	case accountIndex:
		return c.Names.Index
	}
	return c.Names.Bucket(name)
}

// The names of the streams of the workers, without a prefix.
const (
	timers       = "TIMERS"
	leases       = "LEASES"
	ownership    = "OWNERSHIP"
	accountIndex = "ACCOUNT_INDEX"
)

// names returns the names of streams at the server. A bucket's stream begins with KV_.
func (c Config) names(list ...string) (out []string) {
	for _, name := range list {
		switch name {
		case streams.EventsStream:
			name = c.Events
		case timers:
			name = c.Names.Timers
		case leases:
			name = c.Names.Leases
		case "KV_" + ownership, "KV_" + accountIndex:
			name = "KV_" + c.bucket(name[len("KV_"):])
		default:
			name = c.Names.Stream(name)
		}
		out = append(out, name)
	}
	return out
}

// all returns the names of all streams but AUDIT.
func (c Config) all() []string {
	return c.names(streams.EventsStream, streams.ResultsStream, streams.ReplaysStream, streams.DeadLettersStream, streams.HistoryStream,
		"KV_"+streams.AccountsBucket, "KV_"+streams.EffectsBucket, "KV_"+streams.ActivityBucket, "KV_"+streams.ProfilesBucket, "KV_"+streams.EmailsBucket, "KV_"+streams.ControlBucket,
		timers, leases, "KV_"+ownership, "KV_"+accountIndex)
}

// without returns the names of all streams but AUDIT and those given.
func (c Config) without(list ...string) []string {
	return slices.DeleteFunc(c.all(), func(name string) bool { return slices.Contains(c.names(list...), name) })
}

// directBuckets returns the buckets with direct reads. With several replicas, records come from
// the leader.
func (c Config) directBuckets() []string {
	return c.names("KV_"+streams.AccountsBucket, "KV_"+streams.EffectsBucket, "KV_"+streams.ProfilesBucket, "KV_"+streams.EmailsBucket, "KV_"+streams.ControlBucket)
}

// own returns the streams that Usher may change.
func (c Config) own() []string {
	return slices.DeleteFunc(c.all(), func(name string) bool { return name == c.Events && !c.Own })
}

// direct returns the rights to direct reads of a stream of the user, which may allow them.
func (c Config) direct() []Right {
	if c.Own {
		return nil
	}
	return []Right{c.api("DIRECT.GET", "."+c.Events, "the same, if the stream allows direct reads")}
}
