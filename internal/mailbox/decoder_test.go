package mailbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// The vendors of a process decode and validate a message once. Messages with another position or
// of another stream are other messages, and so are the messages of replays.
func TestDecodeOnce(t *testing.T) {
	validated := 0
	d := NewDecoder(nil, func(events.Event) error { validated++; return errors.New("at fault") })
	message := func(stream string, seq uint64, id string) Message {
		payload := fmt.Sprintf(`{"specversion":"1.0","type":"user.created","source":"/school","id":%q,"data":{}}`, id)
		return Message{Stream: stream, Position: events.Position{Epoch: 1, Seq: seq}, Payload: []byte(payload), Header: map[string][]string{"Content-Type": {"application/cloudevents+json"}}}
	}
	for _, test := range []struct {
		name    string
		message Message
		replay  int
		want    int // validations so far
	}{
		{"the first vendor", message("EVENTS", 1, "e1"), 0, 1},
		{"the second vendor", message("EVENTS", 1, "e1"), 0, 1},
		{"another position", message("EVENTS", 2, "e2"), 0, 2},
		{"another stream", message("OTHER", 1, "e3"), 0, 3},
		{"a replay", message("EVENTS", 1, "e4"), 1, 4},
		{"the same replay", message("EVENTS", 1, "e4"), 1, 5},
		{"the first one again", message("EVENTS", 1, "e1"), 0, 5},
	} {
		x := d.decode(test.message, test.replay)
		if x.err != nil {
			t.Fatal(test.name, x.err)
		}
		if err := x.invalid(); err == nil || validated != test.want {
			t.Errorf("%s: %v after %d validations, want %d", test.name, err, validated, test.want)
		}
		if !strings.Contains(string(test.message.Payload), x.event.ID()) {
			t.Errorf("%s: decoded as %s", test.name, x.event.ID())
		}
	}
}

// The decoded messages in memory are bounded in number and in bytes.
func TestDecoderIsBounded(t *testing.T) {
	for name, size := range map[string]int{"many": 10, "large": 1 << 20, "too large alone": decodedBytes + 1} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(nil, func(events.Event) error { return nil })
			for seq := range uint64(mostDecoded + 100) {
				if size > 10 && seq == 30 {
					break
				}
				d.decode(Message{Position: events.Position{Seq: seq}, Payload: make([]byte, size)}, 0)
			}
			kept := 0
			for _, x := range d.known {
				kept += len(x.message.Payload)
			}
			if len(d.known) > mostDecoded || len(d.known) != len(d.oldest) || kept > decodedBytes || kept != d.bytes {
				t.Errorf("%d messages, %d in order, %d bytes, counted as %d", len(d.known), len(d.oldest), kept, d.bytes)
			}
		})
	}
}
