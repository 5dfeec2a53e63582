package streams_test

import (
	"bytes"
	"testing"

	"github.com/usherhq/usher/internal/streams"
)

func TestPrefetchIsBounded(t *testing.T) {
	for name, c := range map[string]func(*streams.ReaderConfig){
		"by count": prefetch(10),
		"by bytes": func(c *streams.ReaderConfig) { c.PrefetchBytes = 11 << 10 },
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			stream := e.events(0)
			for range 100 {
				_, err := e.js.Publish(t.Context(), "user.created", make([]byte, 1<<10))
				check(t, err)
			}
			r := readFrom(t, stream, e.at(0), c)
			wantSequences(t, next(t, r, 1), 1, 1)
			if got := e.consumer().CachedInfo().Delivered.Consumer; got > 10 {
				t.Errorf("%d events are delivered, want at most 10", got)
			}
			wantSequences(t, next(t, r, 99), 2, 100)
		})
	}
}

// An event larger than the bound on bytes is read alone.
func TestALargeEventIsRead(t *testing.T) {
	e := start(t)
	stream := e.events(2)
	large := bytes.Repeat([]byte("x"), 100<<10)
	for range 2 {
		_, err := e.js.Publish(t.Context(), "user.created", large)
		check(t, err)
	}
	e.publish("user.created", 2)
	r := readFrom(t, stream, e.at(0), func(c *streams.ReaderConfig) { c.PrefetchBytes = 4 << 10 })
	wantSequences(t, next(t, r, 6), 1, 6)
}
