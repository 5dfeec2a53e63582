package chaos

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// Shape is a set-up of NATS beside a server or a cluster of Usher's own.
type Shape struct {
	// Servers are the configurations of the servers. DIR is the directory of the run, LEAF the
	// address for leaf nodes. The judge and the producers connect to the first server, the
	// workers to the last one.
	Servers  []string
	User     string   // user and password of the workers in a URL, such as "app:p@"
	Judge    string   // user of the judge and the producers, with password p
	Settings []string // of usher serve, as NAME=value
	Names    streams.Names
	// Streams are made before usher serve starts. The last one is nats.events_stream.
	Streams []jetstream.StreamConfig
	// Under returns the prefix of the subjects of a user's events, instead of Names.EventPrefix.
	Under func(user int) string
	Life  time.Duration // of certificates; zero: without TLS
	Renew time.Duration // the time between two renewals of the certificates; zero: never
}

func (s Shape) names() streams.Names { return s.Names.WithDefaults() }

// events returns the name of the stream of events.
func (s Shape) events() string {
	if n := len(s.Streams); n > 0 {
		return s.Streams[n-1].Name
	}
	return s.Names.Events()
}

// subject returns the subject of a user's event.
func (s Shape) subject(user int, kind string) string {
	if s.Under == nil {
		return s.Names.Event(kind)
	}
	return s.Under(user) + "." + kind
}

// server returns the configuration of a server.
func (s Shape) server(i int, dir, leaf string) string {
	return strings.NewReplacer("DIR", dir, "LEAF", leaf).Replace(s.Servers[i])
}

// inside returns the servers of the judge and the producers.
func (s Shape) inside(nodes []*node) []*node {
	if len(s.Servers) > 0 {
		return nodes[:1]
	}
	return nodes
}

// doors returns the servers of the workers.
func (s Shape) doors(nodes []*node) []*node {
	if len(s.Servers) > 0 {
		return nodes[len(nodes)-1:]
	}
	return nodes
}

// options returns the options of the connections of the judge and the producers.
func (s Shape) options(dir string) (options []nats.Option) {
	if s.Judge != "" {
		options = append(options, nats.UserInfo(s.Judge, "p"))
	}
	if s.Life > 0 {
		options = append(options, nats.RootCAs(filepath.Join(dir, caFile)), nats.ClientCert(filepath.Join(dir, certFile), filepath.Join(dir, keyFile)),
			nats.TLSHandshakeFirst())
	}
	return options
}

// producers makes the streams of the producers.
func (w *world) producers(ctx context.Context) error {
	for _, c := range w.config.Shape.Streams {
		err := w.until(ctx, 0, "stream "+c.Name+" is there", func() bool {
			limit, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			_, err := w.js.CreateOrUpdateStream(limit, c)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copied waits until a stream of events that is a mirror, or has sources, has all their messages.
func (w *world) copied(ctx context.Context) error {
	list := w.config.Shape.Streams
	if len(list) == 0 {
		return nil
	}
	return w.until(ctx, w.config.Limit, "every event is copied", func() bool {
		sum := w.stored(ctx, list[len(list)-1].Name)
		for _, c := range list[:len(list)-1] {
			sum -= w.stored(ctx, c.Name)
		}
		return sum == 0
	})
}

// stored returns the number of messages in a stream; -1 without an answer.
func (w *world) stored(ctx context.Context, name string) int {
	limit, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := w.js.Stream(limit, name)
	if err != nil {
		return -1
	}
	return int(stream.CachedInfo().State.Msgs)
}
