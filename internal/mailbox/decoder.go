package mailbox

import (
	"sync"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// The bounds of the decoded messages in memory.
const (
	mostDecoded  = 4096
	decodedBytes = 8 << 20 // of the payloads
)

// Decoder decodes, cleans and validates messages. The vendors of a process share a Decoder: each
// vendor reads the same messages, at about the same time, and each message is decoded once.
type Decoder struct {
	// Reader reads the messages; set before the first use.
	Reader events.Reader

	translate Translate
	validate  func(events.Event) error

	mu     sync.Mutex
	known  map[messageID]*decoded
	oldest []messageID
	bytes  int
}

// Translate returns the event of a CloudEvent of another system, and other events unchanged.
type Translate func(events.Event) (events.Event, error)

// NewDecoder returns a Decoder. translate may be nil; validate returns the first fault of an event.
func NewDecoder(translate Translate, validate func(events.Event) error) *Decoder {
	if translate == nil {
		translate = func(e events.Event) (events.Event, error) { return e, nil }
	}
	return &Decoder{translate: translate, validate: validate, known: map[messageID]*decoded{}}
}

// messageID names a stored message.
type messageID struct {
	stream   string
	position events.Position
}

// decoded is a message after decoding. The vendors share it, and change nothing in it.
type decoded struct {
	message Message
	err     error // of the decoding
	event   events.Event
	sent    events.Event // before the translation and events.Clean
	foreign error        // of the translation
	ignored []string     // see events.Clean

	validate  func(events.Event) error
	validated sync.Once
	fault     error
	measured  sync.Once
	content   record.Content
}

// invalid returns the first fault of the event.
func (d *decoded) invalid() error {
	d.validated.Do(func() { d.fault = d.validate(d.event) })
	return d.fault
}

// contentOf returns the content of the event; zero for an undecodable message.
func (d *decoded) contentOf() record.Content {
	if d.err == nil {
		d.measured.Do(func() { d.content = record.ContentOf(events.ContentOf(d.event)) })
	}
	return d.content
}

// Decoded returns the message with the decoded event, for several readers of one message.
func (d *Decoder) Decoded(m Message) Message {
	m.decoded = d.fresh(m)
	return m
}

// decode returns a message after decoding. The messages of replays are read by one vendor only,
// and not kept.
func (d *Decoder) decode(m Message, replay int) *decoded {
	switch {
	case m.decoded != nil:
		return m.decoded
	case replay > 0:
		return d.fresh(m)
	}
	id := messageID{m.Stream, m.Position}
	if known := d.lookUp(id); known != nil {
		return known
	}
	x := d.fresh(m) // without the lock: a translation may be slow, and a second one does no harm
	d.mu.Lock()
	defer d.mu.Unlock()
	if known := d.known[id]; known != nil {
		return known
	}
	d.known[id] = x
	d.oldest = append(d.oldest, id)
	d.bytes += len(m.Payload)
	for len(d.oldest) > mostDecoded || d.bytes > decodedBytes {
		d.bytes -= len(d.known[d.oldest[0]].message.Payload)
		delete(d.known, d.oldest[0])
		d.oldest = d.oldest[1:]
	}
	return x
}

// lookUp returns a recent message, or nil.
func (d *Decoder) lookUp(id messageID) *decoded {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[id]
}

// fresh decodes a message. Faults and content are computed when first asked for.
func (d *Decoder) fresh(m Message) *decoded {
	x := &decoded{message: m, validate: d.validate}
	e, err := d.Reader.FromNATS(m.Header, m.Payload)
	if err != nil {
		x.err = err
		return x
	}
	x.sent = e
	if e, x.foreign = d.translate(e); x.foreign == nil {
		e, x.ignored = events.Clean(e)
	}
	x.event = e
	return x
}
