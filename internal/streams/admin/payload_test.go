package admin_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams/admin"
)

func TestASmallMaxPayloadStopsTheStart(t *testing.T) {
	t.Parallel()
	for limit, ok := range map[int32]bool{16 << 10: false, 128<<10 - 1: false, 128 << 10: true, 1 << 20: true} {
		s, err := server.NewServer(&server.Options{DontListen: true, MaxPayload: limit, NoSigs: true})
		check(t, err)
		s.Start()
		t.Cleanup(s.Shutdown)
		nc, err := nats.Connect("", nats.InProcessServer(s))
		check(t, err)
		t.Cleanup(nc.Close)
		err = admin.CheckPayload(natstest.Client(t, nc))
		if (err == nil) != ok || (err != nil && (!admin.Permanent(err) || !strings.Contains(err.Error(), "131072"))) {
			t.Errorf("max_payload %d: got %v", limit, err)
		}
	}
}
