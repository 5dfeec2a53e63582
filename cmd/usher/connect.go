package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
)

// connect reaches the configured NATS, or starts the embedded one. close ends both.
func connect(ctx context.Context, c config.NATS, log zerolog.Logger) (b *bus.Bus, end func(), err error) {
	var server *bus.Embedded
	if c.RunsEmbedded() {
		server, err = bus.StartEmbedded(ctx, bus.EmbeddedOptions{
			Dir: c.Embedded.Dir, Sync: time.Duration(c.Embedded.Sync), Addr: c.Embedded.Addr,
			User: c.User, Password: c.Password.Reveal(), Token: c.Token.Reveal(), Log: log,
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
	nc, err := bus.Connect(ctx, bus.Options{
		URL: c.URL, Creds: c.Creds, NKey: c.NKey, User: c.User, Password: c.Password.Reveal(), Token: c.Token.Reveal(),
		CA: c.CA, Cert: c.Cert, Key: c.Key, Name: "usher", Log: log, Server: server,
	})
	if err != nil {
		stop()
		return nil, nil, err
	}
	b, err = bus.New(nc, layout(c))
	if err != nil {
		nc.Close()
		stop()
		return nil, nil, err
	}
	return b, func() { drain(nc); stop() }, nil
}

// drain sends what is still to be sent, and closes.
func drain(nc *nats.Conn) {
	_ = nc.FlushTimeout(time.Second)
	nc.Close()
}

func layout(c config.NATS) bus.Layout {
	l := bus.Layout{
		Events: c.EventsStream, Replicas: c.Replicas, EventsAge: c.EventsMaxAge, ResultsAge: c.ResultsMaxAge,
		DeadAge: c.DeadMaxAge, AuditAge: c.AuditMaxAge, EffectAge: c.EffectsTTL, Window: c.DuplicateWindow, MaxBytes: int64(c.MaxBytes),
	}
	if l.Events == "" {
		l.Events, l.Own = bus.EventsStream, true
	}
	return l
}
