package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// RESULTS is the memory of activities: a stream that forgets too soon is refused.
func TestResultsThatForgetTooSoon(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"the age":                  {func(c *jetstream.StreamConfig) { c.MaxAge = 59 * time.Minute }, "keeps results for 59m0s (max_age), less than activity.memory (1h0m0s)"},
		"no age":                   {func(c *jetstream.StreamConfig) { c.MaxAge = 0 }, ""},
		"a limit that removes":     {func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1<<20, jetstream.DiscardOld }, "removes old results at a limit"},
		"a limit that rejects":     {func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, ""},
		"a limit for each subject": {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 10 }, "removes old results at a limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{}))
			set := natstest.Ensure(t, nc, natstest.Layout())
			stream, err := set.Client.JetStream.Stream(t.Context(), streams.ResultsStream)
			if err != nil {
				t.Fatal(err)
			}
			config := stream.CachedInfo().Config
			test.change(&config)
			if _, err := set.Client.JetStream.UpdateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			err = admin.New(set.Client, natstest.Layout()).Ensure(t.Context())
			if (err != nil) != (test.want != "") || err != nil && (!strings.Contains(err.Error(), test.want) || !admin.Permanent(err)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
