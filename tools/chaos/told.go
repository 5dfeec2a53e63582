package chaos

import (
	"crypto/sha256"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
)

// told receives every published result, even results dropped by the stream as duplicates. So a
// second result with another content is noticed.
type told struct {
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

func listen(w *world) (*told, error) {
	t := &told{content: map[string][32]byte{}}
	nc, _, err := connect(w.nodes, "listener")
	if err != nil {
		return nil, err
	}
	t.nc = nc
	for _, kind := range events.ResultTypes() {
		if _, err := nc.Subscribe(events.ResultSubject(kind, "*"), t.hear); err != nil {
			nc.Close()
			return nil, err
		}
	}
	return t, nil
}

func (t *told) hear(m *nats.Msg) {
	e, err := events.FromNATS(m.Header, m.Data)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.changed = append(t.changed, "no CloudEvent: "+err.Error())
		return
	}
	content := sha256.Sum256(m.Data)
	switch first, known := t.content[e.ID()]; {
	case !known:
		t.content[e.ID()] = content
	case first == content:
		t.again++
	default:
		t.changed = append(t.changed, e.ID())
	}
}

func (t *told) contents() contents {
	t.mu.Lock()
	defer t.mu.Unlock()
	return contents{again: t.again, changed: t.changed}
}

func (t *told) close() { t.nc.Close() }
