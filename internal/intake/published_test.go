package intake_test

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
)

// published holds results by id, and dead letters.
type published struct {
	mu      sync.Mutex
	results map[string]string // id → content
	data    map[string]events.Result
	changed []string // contents that were published with the same id
	dead    map[string]bus.DeadLetter
	buried  int // dead letters, with repeats
}

// publisher publishes for one process.
type publisher struct {
	out *published
	connection
}

func (v publisher) Publish(_ context.Context, _ string, e events.Event) error {
	_, payload, err := events.ToNATS(e)
	if err != nil {
		return err
	}
	var r events.Result
	if err := json.Unmarshal(e.Data(), &r); err != nil {
		return err
	}
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		if was, ok := v.out.results[e.ID()]; ok && was != string(payload) {
			v.out.changed = append(v.out.changed, was+" then "+string(payload))
		}
		v.out.results[e.ID()], v.out.data[e.ID()] = string(payload), r
		return nil
	})
}

func (v publisher) Bury(_ context.Context, d bus.DeadLetter) error {
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		v.out.dead[d.Key] = d
		v.out.buried++
		return nil
	})
}

func (v publisher) Settle(_ context.Context, _, _, key string, replay int) error {
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		if v.out.dead[key].Replay <= replay {
			delete(v.out.dead, key)
		}
		return nil
	})
}
