package admin

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// Room is the disk for the messages of the streams and buckets, before compression.
type Room struct {
	// Total is shared out among the streams and buckets; zero: no limits.
	Total int64
	// Fixed reports a Total chosen by a person: a server without the room is an error. Otherwise
	// Total is halved until the server has the room.
	Fixed bool
	// Own are the limits of single streams and buckets, by name without a prefix; zero: no limit.
	Own map[string]int64
}

// shares are the parts of Room.Total in thousandths, by kind (docs/decisions, 0208). TIMERS has
// none: in a full stream with schedules the server discards old messages.
var shares = map[string]int64{
	"results": 490, "events": 200, "history": 80, "accounts": 70, "deadletters": 50, "effects": 25, "profiles": 25, "emails": 10,
	"open_replays": 15, "account_index": 15, "activity_index": 10, "audit": 7, "control": 1, "ownership": 1, "leases": 1,
}

// leastTotal is the smallest Total worth sharing out.
const leastTotal = 1 << 30

// limited returns the configurations with their limits. The configurations have marks.
func (r Room) limited(list []jetstream.StreamConfig) []jetstream.StreamConfig {
	for i, c := range list {
		list[i].MaxBytes = r.limit(c.Metadata[markKind])
	}
	return list
}

// limit returns the limit of a kind for JetStream: -1 is none.
func (r Room) limit(kind string) int64 {
	bytes, own := r.Own[strings.ToUpper(kind)]
	if !own {
		bytes = r.Total / 1000 * shares[kind]
	}
	if bytes <= 0 {
		return -1
	}
	return bytes
}

// chosen reports whether a person chose the limit of a kind.
func (r Room) chosen(kind string) bool {
	_, own := r.Own[strings.ToUpper(kind)]
	return own || (r.Fixed && shares[kind] > 0)
}

// settled returns the limit to compare an existing stream with. A limit by default accepts every
// other limit, and leaves a stream alone that holds more than nearly full.
func (r Room) settled(want jetstream.StreamConfig, have *jetstream.StreamInfo) int64 {
	switch {
	case r.chosen(want.Metadata[markKind]) || shares[want.Metadata[markKind]] == 0:
		return want.MaxBytes
	case r.Total == 0 || have.Config.MaxBytes > 0 || want.MaxBytes <= 0 || have.State.Bytes > uint64(want.MaxBytes)/5*4:
		return have.Config.MaxBytes
	default:
		return want.MaxBytes
	}
}

// halve halves Total after an error of a server without the room, and reports whether the step is
// to be tried again.
func (r *Room) halve(err error) bool {
	if r.Fixed || r.Total == 0 || !noRoom(err) {
		return false
	}
	if r.Total /= 2; r.Total < leastTotal {
		r.Total = 0
	}
	return true
}

// reserve creates RESULTS with the whole Total as its limit, and then lowers the limit to its
// share, so that a server without room for all streams refuses the first one. An existing stream
// stays, unless a process ended between the two steps.
func (a *Admin) reserve(ctx context.Context) error {
	want, room := a.layout.configs()[0], a.layout.Room
	if room.chosen(want.Metadata[markKind]) || want.MaxBytes <= 0 {
		return nil
	}
	js, share := a.client.Of(want.Name), want.MaxBytes
	want.MaxBytes = room.Total
	have, err := ensure(ctx, js, want)
	if err != nil || have.MaxBytes != room.Total {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	have.MaxBytes = share
	_, err = js.UpdateStream(ctx, have)
	return err
}

// noRoom reports whether the server has no room for the limit of a stream.
func noRoom(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode {
	case codeNoRoom, codeNoStorage, codeStreamBytes:
		return true
	case codeNoPeers:
		return strings.Contains(api.Description, "insufficient storage")
	default:
		return false
	}
}
