package engine

import (
	"cmp"
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// Connect connects to the NATS server of the configuration, or starts the embedded server and
// connects to it. The address and the credentials are added to o. end closes the connection
// and stops the embedded server.
func Connect(ctx context.Context, c config.NATS, o natsconn.Options) (set *streams.Set, end func(), err error) {
	var server *natsconn.Embedded
	if c.RunsEmbedded() {
		server, err = natsconn.StartEmbedded(ctx, natsconn.EmbeddedOptions{
			Dir: c.Embedded.Dir, Sync: time.Duration(c.Embedded.Sync), Addr: c.Embedded.Addr,
			User: c.User, Password: c.Password.Reveal(), Token: c.Token.Reveal(), Log: o.Log,
		})
		if err != nil {
			return nil, nil, err
		}
	}
	stop := func() {
		if server != nil {
			server.Stop()
		}
	}
	o.URL, o.Server, o.Name = c.URL, server, "usher"
	o.Creds, o.NKey, o.User, o.Password, o.Token = c.Creds, c.NKey, c.User, c.Password.Reveal(), c.Token.Reveal()
	o.CA, o.Cert, o.Key, o.TLSFirst, o.InboxPrefix = c.CA, c.Cert, c.Key, c.TLSFirst, c.InboxPrefix
	nc, err := natsconn.Connect(ctx, o)
	if err != nil {
		stop()
		return nil, nil, err
	}
	client, err := streams.NewClient(nc, streams.API{Domain: c.Domain, Prefix: c.APIPrefix, Audit: c.AuditAPIPrefix}, Names(c))
	if err != nil {
		nc.Close()
		stop()
		return nil, nil, err
	}
	set = streams.NewSet(client, eventsStream(c))
	if server != nil {
		set.Room = server.Room()
	}
	set.Audit.SignWith([]byte(c.AuditKey.Reveal()))
	if keys := c.EventsKeys.Bytes(); len(keys) > 0 {
		set.Events.SealWith(keys[0])
	}
	return set, func() { drain(nc); stop() }, nil
}

// drain sends all messages in the buffer and closes the connection.
func drain(nc *nats.Conn) {
	_ = nc.FlushTimeout(time.Second)
	nc.Close()
}

// Names returns the names of the streams, buckets, consumers and subjects of the configuration.
// The subjects of a stream of the user have no prefix by default.
func Names(c config.NATS) streams.Names {
	n := streams.Names{Prefix: c.Prefix, EventPrefix: c.EventsPrefix, ResultPrefix: cmp.Or(c.ResultsPrefix, c.Prefix)}
	if c.EventsStream == "" {
		n.EventPrefix = cmp.Or(n.EventPrefix, c.Prefix)
	}
	return n
}

// Layout returns the streams and buckets of the configuration.
func Layout(c config.Config) admin.Layout {
	n := c.NATS
	return admin.Layout{
		Names: Names(n), Events: eventsStream(n), Own: n.EventsStream == "", Replicas: n.Replicas, EventsAge: n.EventsMaxAge, ResultsAge: n.ResultsMaxAge,
		DeadAge: n.DeadMaxAge, AuditAge: n.AuditMaxAge, HistoryAge: n.HistoryMaxAge, Activity: c.Activity.Memory, Window: n.DuplicateWindow, Room: room(n),
	}
}

// defaultStorage is the room of all streams and buckets with nats.storage auto.
const defaultStorage = 32 << 30

// room returns the limits of the streams and buckets.
func room(n config.NATS) admin.Room {
	r := admin.Room{Total: int64(n.Storage), Fixed: n.Storage != config.StorageAuto, Own: map[string]int64{}}
	if !r.Fixed {
		r.Total = defaultStorage
	}
	if n.MaxBytes > 0 {
		r.Own[streams.EventsStream], r.Own[streams.ResultsStream] = int64(n.MaxBytes), int64(n.MaxBytes)
	}
	for name, bytes := range n.Limits {
		r.Own[name] = int64(bytes)
	}
	return r
}

// layout returns the streams and buckets. The streams of an embedded server take a quarter of its
// room by default: other data on the disk may grow, and without room the server makes no stream.
func (e *Engine) layout() admin.Layout {
	l := Layout(e.Config)
	if s := e.Streams; s != nil && s.Room > 0 && !l.Room.Fixed {
		l.Room.Total = min(l.Room.Total, s.Room/4)
	}
	return l
}

// eventsStream returns the name of the stream of events.
func eventsStream(c config.NATS) string { return cmp.Or(c.EventsStream, Names(c).Events()) }
