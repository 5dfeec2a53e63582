package ingest

import "sync"

// The budgets of bodies in hand, in bytes. A budget is at least the largest body.
const (
	unprovenBytes = 8 << 20  // before the signature is verified, of all senders
	unprovenShare = 2 << 20  // of one address
	provenBytes   = 16 << 20 // of known clients and verified deliveries
	provenShare   = 8 << 20  // of one client
	leastCharge   = 16 << 10 // for each request, so that a budget limits the number of requests too
)

// budget limits the bytes of bodies in hand: of all senders together, and of each.
type budget struct {
	most, share int64

	mu  sync.Mutex
	all int64
	by  map[string]int64 // senders with bytes in hand
}

// newBudget returns a budget with room for one body of any size up to largest.
func newBudget(most, share, largest int64) *budget {
	share = max(share, largest+leastCharge)
	return &budget{most: max(most, share), share: share, by: map[string]int64{}}
}

// take charges bytes to a sender, and reports false if the sender has too many: more than the share, or
// more than half of the room that the others leave. So no few senders take all the room.
func (b *budget) take(sender string, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	most := b.share
	if others := b.all - b.by[sender]; others > 0 {
		most = min(most, (b.most-others)/2)
	}
	if b.by[sender]+n > most {
		return false
	}
	b.all += n
	b.by[sender] += n
	return true
}

// free returns bytes of a sender.
func (b *budget) free(sender string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all -= n
	if b.by[sender] -= n; b.by[sender] == 0 {
		delete(b.by, sender)
	}
}

// charge is the part of a budget for one body.
type charge struct {
	budget *budget
	sender string
	bytes  int64
}

// grow raises the charge to a number of bytes, and reports false if the budget is used up.
func (c *charge) grow(bytes int64) bool {
	more := bytes - c.bytes
	if more <= 0 {
		return true
	}
	if !c.budget.take(c.sender, more) {
		return false
	}
	c.bytes = bytes
	return true
}

// free returns the whole charge.
func (c *charge) free() {
	if c.bytes > 0 {
		c.budget.free(c.sender, c.bytes)
		c.bytes = 0
	}
}
