package engine

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// errNotConnected is returned by a store before Connect.
var errNotConnected = errors.New("there is no NATS yet")

// store stores events and failed deliveries over the connection of a server.
type store struct{ *Server }

// StoreFrom stores the events of a sender.
func (s store) StoreFrom(ctx context.Context, from events.Channel, list []events.Event) error {
	set := s.streams.Load()
	if set == nil {
		return errNotConnected
	}
	return set.Events.StoreFrom(ctx, from, list)
}

// MaxMessage returns the size in bytes of the largest message that NATS accepts; 0 before
// Connect.
func (s store) MaxMessage() int64 {
	if set := s.streams.Load(); set != nil {
		return set.Events.MaxMessage()
	}
	return 0
}

// Room returns the bytes left in the stream of events and its limit; 0 before Connect.
func (s store) Room() (left, limit int64) {
	if set := s.streams.Load(); set != nil {
		return set.Events.Room()
	}
	return 0, 0
}

// KeepRoom returns the bytes left in the stream of dead letters and its limit; 0 before Connect.
func (s store) KeepRoom() (left, limit int64) {
	if set := s.streams.Load(); set != nil {
		return set.DeadLetters.Room()
	}
	return 0, 0
}

// roomEvery is the time between two looks at the room of the streams with a reserve.
const roomEvery = 10 * time.Second

// watchRoom looks at the room of the streams until ctx ends. The requests and the workers read the last
// answer, so a slow NATS delays none of them.
func (s *Server) watchRoom(ctx context.Context) {
	ticker := time.NewTicker(roomEvery)
	defer ticker.Stop()
	for {
		if c := s.settings(); c.HTTP.Events || c.Worker.On {
			s.streams.Load().LookAtRoom(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Keep stores a delivery as a dead letter, without the headers that may hold a secret.
func (s store) Keep(ctx context.Context, d ingest.Delivery) error {
	set := s.streams.Load()
	if set == nil {
		return errNotConnected
	}
	id := d.ID
	if id == "" {
		id = string(d.Body)
	}
	header := http.Header{}
	verifier, err := verifierOf(s.settings().Webhooks[d.Source])
	if err != nil {
		return err
	}
	for name, values := range d.Header {
		if !secretHeader(name) && !slices.Contains(verifier.Headers(), name) {
			header[name] = values
		}
	}
	return set.DeadLetters.Add(ctx, streams.DeadLetter{
		Vendor: ops.Deliveries, Type: d.Source, Key: events.Key("/webhooks/"+d.Source, id), EventID: d.ID, Source: "/webhooks/" + d.Source,
		Places: d.Places, Class: "invalid", Message: d.Problem, Pointer: d.Pointer, Rule: d.Rule,
		Attempts: 1, FirstTry: d.At.UTC(), LastTry: d.At.UTC(), Stored: d.At.UTC(),
		Subject: "/webhooks/" + d.Source, Header: header, Payload: d.Body,
	})
}

// secretHeader reports whether a header of this name may authenticate the sender of a delivery, or
// tell the address of a person.
func secretHeader(name string) bool {
	name = strings.ToLower(name)
	words := []string{"auth", "cookie", "sign", "token", "secret", "key", "hmac", "forwarded", "-ip", "via", "client-address"}
	return slices.ContainsFunc(words, func(word string) bool {
		return strings.Contains(name, word)
	})
}
