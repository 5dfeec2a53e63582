package ingest

import (
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
)

const (
	// reserved is the last part of a stream: 1/reserved of the limit is for the senders that have stored
	// no more than the average.
	reserved = 20
	// spared is the part of the limit that each sender may store in any case: 1/spared. After a start no
	// sender has stored much.
	spared = 100
	// fullAfter is sent to a sender that has used up the share.
	fullAfter = 10 * time.Minute

	leastEvent  = 512     // bytes of the headers of an event in the stream, about
	leastLetter = 1 << 10 // bytes of a dead letter beside the body, about
)

// reserve keeps the last room of a stream for the senders that have not filled the stream.
type reserve struct {
	senders int // that share the stream

	mu     sync.Mutex
	stored map[string]int64 // bytes by sender, since the start of this process
	total  int64
}

func newReserve(senders int) *reserve {
	return &reserve{senders: senders, stored: map[string]int64{}}
}

// add counts bytes that a sender has stored.
func (s *reserve) add(sender string, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[sender] += bytes
	s.total += bytes
}

// has reports whether there is room for a further message of a sender, in a stream with a limit and with
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

// sizeOf returns about the bytes of events in the stream.
func sizeOf(list []events.Event) int64 {
	bytes := int64(len(list)) * leastEvent
	for _, e := range list {
		bytes += int64(len(e.Data()))
	}
	return bytes
}

// letterSize returns about the bytes of the dead letter of a delivery.
func letterSize(d Delivery) int64 {
	return leastLetter + int64(base64.StdEncoding.EncodedLen(len(d.Body)))
}

// mayStore answers with 429 if the stream of events is nearly full, mostly by events of the sender.
func (p *endpoint) mayStore(w http.ResponseWriter, r *http.Request, sender string) bool {
	left, limit := p.deps.Stream.Room()
	return p.mayFill(w, r, p.reserve.has(sender, left, limit), "events")
}

// mayKeep answers with 429 if the stream of dead letters is nearly full, and deliveries of the sender took
// more than their part. The workers count as one more sender: the turn of a user whose effect fails waits
// for room.
func (p *endpoint) mayKeep(w http.ResponseWriter, r *http.Request, sender string) bool {
	left, limit := p.deps.Failed.KeepRoom()
	return p.mayFill(w, r, p.deadReserve.has(sender, left, limit), "dead letters")
}

// mayFill answers with 429 unless there is room.
func (p *endpoint) mayFill(w http.ResponseWriter, r *http.Request, ok bool, of string) bool {
	if !ok {
		p.refuse(w, r, problem{
			Status: http.StatusTooManyRequests, after: fullAfter,
			Detail: "the stream of " + of + " is nearly full, and this sender has stored more than the others: the rest is for them until there is room again",
		})
	}
	return ok
}
