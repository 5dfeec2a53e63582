package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/config"
)

func TestServersOfCommands(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		nats       config.NATS
		url, where string
	}{
		"a setting":           {config.NATS{URL: "nats://n:4222"}, "nats://n:4222", "nats://n:4222 (--server)"},
		"an embedded address": {config.NATS{Embedded: config.Embedded{Addr: "0.0.0.0:4333"}}, "nats://127.0.0.1:4333", "USHER_NATS_EMBEDDED_ADDR"},
		"nothing":             {config.NATS{}, "nats://127.0.0.1:4222", "set --server, nats.url or USHER_NATS_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			got, where := client(test.nats, "--server")
			if got.URL != test.url || !strings.Contains(where, test.where) {
				t.Errorf("got %s, %s, want %s, %s", got.URL, where, test.url, test.where)
			}
		})
	}
}

func TestServerNamesItsOrigin(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, "nats", "context", "school.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(`{"url":"nats://c:4222"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		server, context, variable string
		want                      string
	}{
		"flag":                  {"nats://f:4222", "", "", "--server"},
		"flag and variable":     {"nats://f:4222", "", "USHER_NATS_URL=nats://v:4222", "--server"},
		"variable":              {"", "", "USHER_NATS_URL=nats://v:4222", "USHER_NATS_URL"},
		"variable and context":  {"", "school", "USHER_NATS_URL=nats://v:4222", "USHER_NATS_URL"},
		"context":               {"", "school", "", "--nats-context school"},
		"variable of nats":      {"", "", "NATS_URL=nats://v:4222", "NATS_URL"},
		"context by a variable": {"", "", "NATS_CONTEXT=school", file},
	} {
		t.Run(name, func(t *testing.T) {
			a := &App{Server: test.server, NATSContext: test.context}
			a.Environ = []string{"XDG_CONFIG_HOME=" + home, test.variable}
			c, err := config.Load(config.Sources{Environ: a.Environ, Flags: a.flags()})
			if err != nil {
				t.Fatal(err)
			}
			if got := a.serverFrom(c); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
