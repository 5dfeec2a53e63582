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
	set = streams.NewSet(client, Layout(c).Events)
	set.Audit.SignWith([]byte(c.AuditKey.Reveal()))
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
func Layout(c config.NATS) admin.Layout {
	l := admin.Layout{
		Names: Names(c), Events: c.EventsStream, Replicas: c.Replicas, EventsAge: c.EventsMaxAge, ResultsAge: c.ResultsMaxAge,
		DeadAge: c.DeadMaxAge, AuditAge: c.AuditMaxAge, HistoryAge: c.HistoryMaxAge, EffectAge: c.EffectsTTL, Window: c.DuplicateWindow, MaxBytes: int64(c.MaxBytes),
	}
	if l.Events == "" {
		l.Events, l.Own = l.Names.Events(), true
	}
	return l
}
