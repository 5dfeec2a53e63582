package natsconn_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
)

// TestTheEmbeddedServerSaysWhyItDoesNotStart has one case for each thing that
// somebody may have set wrong.
func TestTheEmbeddedServerSaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inUse := t.TempDir()
	first := natstest.Start(t, natsconn.EmbeddedOptions{Dir: inUse})
	for name, c := range map[string]struct {
		options natsconn.EmbeddedOptions
		says    string
	}{
		"the port is taken":         {natsconn.EmbeddedOptions{Dir: t.TempDir(), Addr: taken.Addr().String()}, "nats.embedded.addr"},
		"the directory is a file":   {natsconn.EmbeddedOptions{Dir: file}, "nats.embedded.dir"},
		"the directory is in use":   {natsconn.EmbeddedOptions{Dir: inUse}, "another usher is at work in"},
		"the address has no port":   {natsconn.EmbeddedOptions{Dir: t.TempDir(), Addr: "127.0.0.1"}, "host:port"},
		"the port is not a number":  {natsconn.EmbeddedOptions{Dir: t.TempDir(), Addr: "127.0.0.1:nats"}, "not a number"},
		"its store is another file": {natsconn.EmbeddedOptions{Dir: withFile(t, "jetstream")}, "JetStream"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := natsconn.StartEmbedded(t.Context(), c.options)
			if err == nil {
				s.Stop()
				t.Fatal("it starts")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, want that it says %q", err, c.says)
			}
		})
	}
	first.Stop()
	natstest.Start(t, natsconn.EmbeddedOptions{Dir: inUse}) // the directory is free again
}

// withFile is a directory with a file where the server wants a directory.
func withFile(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
