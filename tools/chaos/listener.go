package chaos

import (
	"crypto/sha256"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
)

// listener receives every published result, even results dropped by the stream as duplicates. So a
// second result with another content is noticed.
type listener struct {
	nc      *nats.Conn
	mu      sync.Mutex
	content map[string][32]byte // by id
	again   int                 // repeated with the same content
	changed []string            // ids with a second content
}

// contents is a snapshot of the published results.
type contents struct {
	again   int
	changed []string
}

func listen(w *world) (*listener, error) {
	l := &listener{content: map[string][32]byte{}}
	nc, _, err := w.connect("listener")
	if err != nil {
		return nil, err
	}
	l.nc = nc
	for _, kind := range events.ResultTypes() {
		if _, err := nc.Subscribe(w.config.Shape.names().Result(kind, "*"), l.hear); err != nil {
			nc.Close()
			return nil, err
		}
	}
	return l, nil
}

func (l *listener) hear(m *nats.Msg) {
	e, err := events.FromNATS(m.Header, m.Data)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.changed = append(l.changed, "no CloudEvent: "+err.Error())
		return
	}
	content := sha256.Sum256(m.Data)
	switch first, known := l.content[e.ID()]; {
	case !known:
		l.content[e.ID()] = content
	case first == content:
		l.again++
	default:
		l.changed = append(l.changed, e.ID())
	}
}

func (l *listener) contents() contents {
	l.mu.Lock()
	defer l.mu.Unlock()
	return contents{again: l.again, changed: l.changed}
}

func (l *listener) close() { l.nc.Close() }
