package worker

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ledger"
)

// mostRecent is how many accounts' records are remembered, of two or three kB each.
const mostRecent = 1024

// recent is the records of accounts as this process left them, so that the next
// event of a user need not read them again. Where another process has changed one
// since, the compare-and-set shows it.
type recent struct {
	sights *lru.Cache[string, ledger.Sight]
}

func newRecent() recent {
	sights, err := lru.New[string, ledger.Sight](mostRecent)
	if err != nil {
		panic(err) // mostRecent is above zero
	}
	return recent{sights}
}

// take lends a task the sight of its record. Nobody else has it meanwhile: of one
// record, one task is at work.
func (r recent) take(t *task) {
	if t.handler.Scope == events.ScopeActivity {
		return
	}
	if s, ok := r.sights.Get(t.record); ok {
		t.sight = s
		r.sights.Remove(t.record)
	}
}

// keep takes it back, as the task left it.
func (r recent) keep(t *task) {
	if t.handler.Scope != events.ScopeActivity && t.sight.Seen() {
		r.sights.Add(t.record, t.sight)
	}
}
