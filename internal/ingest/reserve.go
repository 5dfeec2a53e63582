package ingest

import (
	"net/http"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
)

const (
	// reserved is the last part of the stream of events: 1/reserved of the limit is for the senders that
	// have stored no more than the average.
	reserved = 20
	// spared is the part of the limit that each sender may store in any case: 1/spared. After a start no
	// sender has stored much.
	spared = 100
	// fullAfter is sent to a sender that has used up the share.
	fullAfter = 10 * time.Minute
)

// reserve keeps the last room of the stream of events for the senders that have not filled the stream.
type reserve struct {
	senders int // in the configuration

	mu     sync.Mutex
	stored map[string]int64 // bytes by sender, since the start of this process
	total  int64
}

func newReserve(c Config) *reserve {
	return &reserve{senders: len(c.Clients) + len(c.Webhooks), stored: map[string]int64{}}
}

// add counts the events that a sender has stored.
func (s *reserve) add(sender string, list []events.Event) {
	var bytes int64
	for _, e := range list {
		bytes += int64(len(e.Data()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[sender] += bytes
	s.total += bytes
}

// has reports whether there is room for further events of a sender, in a stream with a limit and with
// some of the limit left. A limit of zero is none.
func (s *reserve) has(sender string, left, limit int64) bool {
	if limit == 0 || left >= limit/reserved {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.stored[sender]
	return own <= limit/spared || own*int64(s.senders) <= s.total
}

// mayStore answers with 429 if the stream is nearly full, mostly by events of the sender.
func (p *endpoint) mayStore(w http.ResponseWriter, r *http.Request, sender string) bool {
	left, limit := p.deps.Stream.Room(r.Context())
	if p.reserve.has(sender, left, limit) {
		return true
	}
	p.refuse(w, r, problem{
		Status: http.StatusTooManyRequests, after: fullAfter,
		Detail: "the stream of events is nearly full, and this sender has stored more than the others: the rest is for them until there is room again",
	})
	return false
}
