package app

import (
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
		"a setting":           {config.NATS{URL: "nats://n:4222"}, "nats://n:4222", "USHER_NATS_URL"},
		"an embedded address": {config.NATS{Embedded: config.Embedded{Addr: "0.0.0.0:4333"}}, "nats://127.0.0.1:4333", "USHER_NATS_EMBEDDED_ADDR"},
		"nothing":             {config.NATS{}, "nats://127.0.0.1:4222", "set --server, nats.url or USHER_NATS_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			got, where := client(test.nats)
			if got.URL != test.url || !strings.Contains(where, test.where) {
				t.Errorf("got %s, %s, want %s, %s", got.URL, where, test.url, test.where)
			}
		})
	}
}
