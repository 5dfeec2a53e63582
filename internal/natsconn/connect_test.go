package natsconn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
)

// guarded starts a server that asks for a password.
func guarded(t *testing.T, addr, password string) *natsconn.Embedded {
	t.Helper()
	return natstest.Start(t, natsconn.EmbeddedOptions{Addr: addr, User: "usher", Password: password})
}

// TestCredentialsThatAreRefusedForAWhile: nats.go gives up for good at the second
// refusal, without the option for that.
func TestCredentialsThatAreRefusedForAWhile(t *testing.T) {
	t.Parallel()
	server := guarded(t, "127.0.0.1:0", "right")
	addr := strings.TrimPrefix(server.URL(), "nats://")
	log := &natstest.Log{}
	nc, err := natsconn.Connect(t.Context(), natsconn.Options{URL: server.URL(), User: "usher", Password: "right", Log: zerolog.New(log)})
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

// TestAConnectionThatIsClosedForGoodIsReported breaks the protocol, after which
// nats.go does not connect again; but where the end of the connection comes to it
// before the server's last words, it does, and once more the protocol is broken. The
// server is sent no more than it reads: what it left unread would take its last
// words along.
func TestAConnectionThatIsClosedForGoodIsReported(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{}))
	ctx, cancel := context.WithTimeout(t.Context(), natstest.Patience)
	defer cancel()
	lost := make(chan error, 1)
	go func() { lost <- natsconn.Lost(ctx, nc) }()
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
	if err := natsconn.Lost(ctx, nc); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got %v of a connection that was closed before, want the same", err)
	}
}

func TestConnectSaysWhatToCheck(t *testing.T) {
	t.Parallel()
	guard := guarded(t, "127.0.0.1:0", "right")
	tests := map[string]struct {
		options natsconn.Options
		want    string
	}{
		"nobody in time":  {natsconn.Options{URL: "nats://127.0.0.1:1"}, "nats: nobody listens at nats.url (USHER_NATS_URL): is usher serve, or the NATS server, running?"},
		"nobody, at once": {natsconn.Options{URL: "nats://127.0.0.1:1", Once: true, Servers: "there"}, "nats: nobody listens at there: is usher serve, or the NATS server, running?"},
		"refused, at once": {
			natsconn.Options{URL: guard.URL(), Once: true, Servers: "there"},
			"nats: there refuses us: nats: Authorization Violation; check the credentials (nats.creds, nats.user, nats.token …)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context() // which does not end before the test: Once does not wait for it
			if !test.options.Once {
				limited, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
				ctx = limited
			}
			if _, err := natsconn.Connect(ctx, test.options); fmt.Sprint(err) != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
