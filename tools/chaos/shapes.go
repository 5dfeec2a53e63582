package chaos

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// Shapes returns the configurations of the shapes of NATS, by name, with a load of ten seconds.
func Shapes(c Config) map[string]Config {
	c.Users, c.Span, c.After, c.Workers = 60, 10*time.Second, time.Second, 2
	list := map[string]Config{}
	for name, shape := range map[string]Shape{
		"prefix": prefixed(), "leaf": leaf(), "import": imported(), "tls-first": tlsFirst(), "mirror": mirror(), "sources": sources(),
	} {
		c.Shape = shape
		list[name] = c
	}
	c.Shape = tlsFirst()
	c.Shape.Life, c.Shape.Renew = time.Minute, 25*time.Second
	// Certificates expire within the life of a process, so nothing but NATS is killed. The last
	// storms are after the third renewal.
	c.Span, c.After, c.Every, c.Only = 60*time.Second, 25*time.Second, 4*time.Second, "nats"
	list["mtls"] = c
	return list
}

const store = "jetstream { store_dir: \"DIR/store\" }\n"

// prefixed returns the shape of an account that several Ushers share.
func prefixed() Shape {
	return Shape{
		Servers:  []string{store},
		Names:    streams.Names{Prefix: "staging", EventPrefix: "school.test", ResultPrefix: "answers"},
		Settings: []string{"USHER_NATS_PREFIX=staging", "USHER_NATS_EVENTS_PREFIX=school.test", "USHER_NATS_RESULTS_PREFIX=answers"},
	}
}

// leaf returns the shape of workers at a leaf node, with JetStream in the domain of the hub.
func leaf() Shape {
	return Shape{
		Servers: []string{
			"jetstream { store_dir: \"DIR/store\", domain: hub }\nleafnodes { listen: \"LEAF\" }\n",
			"leafnodes { reconnect: 1, remotes: [ { url: \"nats-leaf://LEAF\" } ] }\n",
		},
		Settings: []string{"USHER_NATS_DOMAIN=hub"},
	}
}

// imported returns the shape of workers in an account that imports JetStream and the subjects of
// another account, with a user who may subscribe to an inbox only.
func imported() Shape {
	return Shape{
		User: "app:p@", Judge: "js",
		Settings: []string{"USHER_NATS_API_PREFIX=JS.hub.API", "USHER_NATS_INBOX_PREFIX=_INBOX_usher"},
		Servers: []string{store + `accounts {
  JS: {
    jetstream: enabled
    users: [ { user: js, password: p } ]
    exports: [
      { service: "$JS.API.>", response_type: stream }
      { service: "$JS.ACK.>" }
      { service: "$KV.>" }
      { service: "user.>" }
      { service: "enrollment.>" }
      { service: "activity.>" }
      { service: "usher.>" }
    ]
  }
  APP: {
    users: [ { user: app, password: p, permissions: { publish: ">", subscribe: "_INBOX_usher.>" } } ]
    imports: [
      { service: { account: JS, subject: "$JS.API.>" }, to: "JS.hub.API.>" }
      { service: { account: JS, subject: "$KV.>" }, to: "JS.hub.API.$KV.>" }
      { service: { account: JS, subject: "$JS.ACK.>" } }
      { service: { account: JS, subject: "user.>" } }
      { service: { account: JS, subject: "enrollment.>" } }
      { service: { account: JS, subject: "activity.>" } }
      { service: { account: JS, subject: "usher.>" } }
    ]
  }
}
`},
	}
}

// tlsFirst returns the shape of a server that wants TLS before the greeting, and certificates of
// its clients.
func tlsFirst() Shape {
	return Shape{
		Life:    time.Hour,
		Servers: []string{store + fmt.Sprintf("tls { cert_file: \"DIR/%s\", key_file: \"DIR/%s\", ca_file: \"DIR/%s\", verify: true, handshake_first: true }\n", certFile, keyFile, caFile)},
		Settings: []string{
			"USHER_NATS_TLS_FIRST=true", "USHER_NATS_CA=DIR/" + caFile, "USHER_NATS_CERT=DIR/" + certFile, "USHER_NATS_KEY=DIR/" + keyFile,
		},
	}
}

// mirror returns the shape of a stream of events that is the mirror of a catch-all stream.
func mirror() Shape {
	return Shape{
		Servers:  []string{store},
		Names:    streams.Names{EventPrefix: "prod"},
		Settings: []string{"USHER_NATS_EVENTS_STREAM=COPY", "USHER_NATS_EVENTS_PREFIX=prod"},
		Streams: []jetstream.StreamConfig{
			{Name: "ALL", Subjects: []string{"prod.>"}},
			{Name: "COPY", Mirror: &jetstream.StreamSource{Name: "ALL"}},
		},
	}
}

// sources returns the shape of a stream of events with the streams of two schools as sources.
func sources() Shape {
	under := func(school string) *jetstream.StreamSource {
		return &jetstream.StreamSource{
			Name: "EAST", SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: school + ".>", Destination: ">"}},
		}
	}
	east, west := under("east"), under("west")
	west.Name = "WEST"
	return Shape{
		Servers:  []string{store},
		Settings: []string{"USHER_NATS_EVENTS_STREAM=BOTH"},
		Under:    func(user int) string { return []string{"east", "west"}[user%2] },
		Streams: []jetstream.StreamConfig{
			{Name: "EAST", Subjects: []string{"east.>"}},
			{Name: "WEST", Subjects: []string{"west.>"}},
			{Name: "BOTH", Sources: []*jetstream.StreamSource{east, west}},
		},
	}
}
