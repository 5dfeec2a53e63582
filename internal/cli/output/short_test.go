package output

import (
	"testing"
	"time"
)

// Times have the zone of now, with a Z in UTC only, and no date of today. Ids of dead letters are short, also in
// a command.
func TestShort(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*60*60)
	for name, test := range map[string]struct {
		value string
		zone  *time.Location
		want  string
	}{
		"today":             {"2026-03-02T11:00:00Z", time.UTC, "11:00:00Z"},
		"another day":       {"2026-03-01T11:00:00Z", time.UTC, "2026-03-01 11:00Z"},
		"local":             {"since 2026-03-02T11:00:00Z", tokyo, "since 20:00:00"},
		"yesterday in UTC":  {"2026-03-01T16:00:00Z", tokyo, "01:00:00"},
		"a local day":       {"2026-03-01T11:00:00Z", tokyo, "2026-03-01 20:00"},
		"an id":             {"events.d2f2eb9095188f2c95cbc3232f5fad07", time.UTC, "events.d2f2eb90"},
		"an id in a remedy": {"correct it, then usher dead replay events.d2f2eb9095188f2c95cbc3232f5fad07; x", time.UTC, "correct it, then usher dead replay events.d2f2eb90; x"},
		"no id":             {"see script.d2f2eb9095188f2c95cbc3232f5fad07", time.UTC, "see script.d2f2eb9095188f2c95cbc3232f5fad07"},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC).In(test.zone)
			if got := short(test.value, now); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
