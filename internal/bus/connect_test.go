package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// guarded starts a server that asks for a password.
func guarded(t *testing.T, addr, password string) *bus.Embedded {
	t.Helper()
	return natstest.Start(t, bus.EmbeddedOptions{Addr: addr, User: "usher", Password: password})
}

// TestCredentialsThatAreRefusedForAWhile: nats.go gives up for good at the second
// refusal, unless it is told otherwise.
func TestCredentialsThatAreRefusedForAWhile(t *testing.T) {
	t.Parallel()
	server := guarded(t, "127.0.0.1:0", "right")
	addr := strings.TrimPrefix(server.URL(), "nats://")
	log := &natstest.Log{}
	nc, err := bus.Connect(t.Context(), bus.Options{URL: server.URL(), User: "usher", Password: "right", Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	server.Stop()

	refusing := guarded(t, addr, "another")
	var tries uint64
	natstest.Until(t, "the credentials are refused", func() bool {
		tries = nc.Stats().Reconnects
		return errors.Is(nc.LastError(), nats.ErrAuthorization)
	})
	natstest.Until(t, "they are refused again, and again", func() bool { return nc.Stats().Reconnects >= tries+3 })
	refusing.Stop()

	guarded(t, addr, "right")
	natstest.Until(t, "it is connected again", nc.IsConnected)
	if got := strings.Count(log.String(), "the server refuses us, trying on"); got < 1 || got > 2 {
		t.Errorf("got %d lines about the refusals, want that they do not fill the log:\n%s", got, log)
	}
}

// TestAConnectionThatIsClosedForGoodIsTold breaks the protocol, after which
// nats.go does not connect again; but where the end of the connection comes to it
// before the server's last words, it does, and once more the protocol is broken. The
// server is sent no more than it reads: what it left unread would take its last
// words along.
func TestAConnectionThatIsClosedForGoodIsTold(t *testing.T) {
	t.Parallel()
	b, nc := world(t, layout)
	ctx, cancel := context.WithTimeout(t.Context(), natstest.Patience)
	defer cancel()
	lost := make(chan error, 1)
	go func() { lost <- b.Lost(ctx) }()
	broken := -1
	natstest.Until(t, "the connection is closed", func() bool {
		if again := int(nc.Stats().Reconnects); again != broken && nc.IsConnected() {
			broken = again
			_ = nc.Publish(strings.Repeat("x", 4_100), nil)
		}
		return nc.IsClosed()
	})
	if err := <-lost; !errors.Is(err, nats.ErrConnectionClosed) || !strings.Contains(err.Error(), "control line") {
		t.Errorf("got %v, want that it is closed, and why", err)
	}
	if err := b.Lost(ctx); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got %v of a connection that was closed before, want the same", err)
	}
}

func TestLasting(t *testing.T) {
	api := func(status int, code jetstream.ErrorCode) error {
		return fmt.Errorf("make stream: %w", &jetstream.APIError{Code: status, ErrorCode: code})
	}
	cases := map[string]struct {
		err  error
		want bool
	}{
		"none":                            {nil, false},
		"no answer":                       {context.DeadlineExceeded, false},
		"nobody answers":                  {nats.ErrNoResponders, false},
		"no leader":                       {api(503, 10008), false},
		"too few servers":                 {api(400, 10005), false},
		"the disk is full":                {api(500, 10047), false},
		"offline":                         {api(500, 10118), false},
		"gone in the meantime":            {api(404, 10059), false},
		"account without JetStream":       {jetstream.ErrJetStreamNotEnabledForAccount, true},
		"overlap":                         {api(400, 10065), true},
		"too many streams":                {api(400, 10027), true},
		"replicas without a cluster":      {api(500, 10074), true},
		"a stream that is no bucket":      {fmt.Errorf("bucket: %w", jetstream.ErrBadBucket), true},
		"the server knows no such option": {api(500, 10052), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := bus.Lasting(c.err); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
