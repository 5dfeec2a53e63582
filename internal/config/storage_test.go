package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
)

// TestLimitsOfStreams checks the forms of nats.storage and nats.limits, and of their output.
func TestLimitsOfStreams(t *testing.T) {
	file := func(text string) config.Sources { return config.Sources{Path: write(t, "usher.yaml", text)} }
	cases := map[string]struct {
		from    config.Sources
		storage config.Storage
		limits  config.Limits
		shown   string
	}{
		"nothing":     {config.Sources{}, config.StorageAuto, config.Limits{}, "auto"},
		"environment": {config.Sources{Environ: []string{"USHER_NATS_STORAGE=100GiB", "USHER_NATS_LIMITS=HISTORY=10GiB, AUDIT=0"}}, 100 << 30, config.Limits{"HISTORY": 10 << 30, "AUDIT": 0}, "100GiB"},
		"file":        {file("nats: {storage: 1TiB, limits: {HISTORY: 10GiB, AUDIT: 0}}"), 1 << 40, config.Limits{"HISTORY": 10 << 30, "AUDIT": 0}, "1TiB"},
		"no limits":   {file("nats: {storage: 0}"), 0, config.Limits{}, "0"},
		"auto":        {file("nats: {storage: auto}"), config.StorageAuto, config.Limits{}, "auto"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, _ := loadAll(t, c.from)
			if got.NATS.Storage != c.storage || got.NATS.Storage.String() != c.shown || !cmp.Equal(got.NATS.Limits, c.limits) {
				t.Errorf("got %s (%d) and %v, want %s and %v", got.NATS.Storage, got.NATS.Storage, got.NATS.Limits, c.shown, c.limits)
			}
			var again config.Limits
			if err := again.UnmarshalText([]byte(c.limits.String())); err != nil || !cmp.Equal(again, c.limits) {
				t.Errorf("%q is read as %v: %v", c.limits, again, err)
			}
		})
	}
}
