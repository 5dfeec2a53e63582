package streams

import "sync"

const (
	// reserved is the last part of a stream: 1/reserved of the limit is for the senders that have stored
	// no more than the average.
	reserved = 20
	// spared is the part of the limit that each sender may store in any case: 1/spared. After a start no
	// sender has stored much.
	spared = 100
)

// Reserve keeps the last room of a stream for the senders that have not filled the stream. The zero value
// shares the room among the senders known so far and one more.
type Reserve struct {
	senders int // that share the stream

	mu     sync.Mutex
	stored map[string]int64 // bytes by sender, since the start of this process
	total  int64
}

// NewReserve returns the reserve of a stream with a number of senders.
func NewReserve(senders int) *Reserve { return &Reserve{senders: senders} }

// Add counts bytes that a sender has stored.
func (s *Reserve) Add(sender string, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil {
		s.stored = map[string]int64{}
	}
	s.stored[sender] += bytes
	s.total += bytes
}

// Has reports whether there is room for a further message of a sender, in a stream with a limit and with
// some of the limit left. A limit of zero is none.
func (s *Reserve) Has(sender string, left, limit int64) bool {
	if limit == 0 || left >= limit/reserved {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own, senders := s.stored[sender], s.senders
	if senders == 0 {
		senders = len(s.stored) + 1
	}
	return own <= limit/spared || own*int64(senders) <= s.total
}
