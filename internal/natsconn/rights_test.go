package natsconn_test

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
)

// A request that is repeated without the right is one line with advice, until the next connection.
func TestMissingRightIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s, _ := configured(t, `authorization: { users: [ { user: u, password: p, permissions: { publish: ["allowed"] } } ] }`)
	var log natstest.Log
	nc, err := natsconn.Connect(t.Context(), natsconn.Options{URL: s.ClientURL(), User: "u", Password: "p", Log: zerolog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	refuse := func(last string) {
		t.Helper()
		for _, subject := range []string{"refused", "refused", "other", "refused", last} {
			if err := nc.Publish(subject, nil); err != nil {
				t.Fatal(err)
			}
		}
		natstest.Until(t, "the last refusal is logged", func() bool { return strings.Contains(log.String(), last) })
	}
	refuse("last")
	if n := strings.Count(log.String(), `\"refused\"`); n != 1 {
		t.Errorf("got %d lines, want one:\n%s", n, &log)
	}
	if n := strings.Count(log.String(), "usher nats rights"); n != 3 {
		t.Errorf("got %d lines with advice, want one for each subject:\n%s", n, &log)
	}
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "connected again", func() bool { return strings.Contains(log.String(), "connected again") })
	refuse("later")
	if n := strings.Count(log.String(), `\"refused\"`); n != 2 {
		t.Errorf("got %d lines after another connection, want a second:\n%s", n, &log)
	}
}
