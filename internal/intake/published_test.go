package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/usherhq/usher/events"
	userhistory "github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/streams"
)

// published holds results by id, and dead letters.
type published struct {
	mu      sync.Mutex
	results map[string]string // id → content
	data    map[string]events.Result
	changed []string // contents that were published with the same id
	dead    map[string]streams.DeadLetter
	added   int                          // dead letters, with repeats
	history map[string]userhistory.Entry // by the id of the result
	// historyAway says that no entry can be stored.
	historyAway bool
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

func (v publisher) Append(_ context.Context, entries ...userhistory.Entry) error {
	for _, e := range entries {
		err := v.ask(func() error {
			v.out.mu.Lock()
			defer v.out.mu.Unlock()
			if v.out.historyAway {
				return errAway
			}
			id := events.ResultID(e.Key, e.Vendor, e.Replay)
			if was, ok := v.out.history[id]; ok && !reflect.DeepEqual(was, e) {
				v.out.changed = append(v.out.changed, fmt.Sprintf("history %+v then %+v", was, e))
			}
			v.out.history[id] = e
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unlisted returns what is wrong with the history: each result has an entry that says the same.
func (p *published) unlisted() (faults []string) {
	for id, result := range p.data {
		if e := p.history[id]; e.Outcome != result.Outcome || e.AccountID != result.AccountID || e.Attempts != result.Attempts || e.Digest == "" || e.Ended.IsZero() {
			faults = append(faults, fmt.Sprintf("result %s is %+v, its history %+v", id, result, e))
		}
	}
	if len(p.history) != len(p.data) {
		faults = append(faults, fmt.Sprintf("%d results and %d entries of history", len(p.data), len(p.history)))
	}
	return faults
}

func (v publisher) Add(_ context.Context, d streams.DeadLetter) error {
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		v.out.dead[d.Key] = d
		v.out.added++
		return nil
	})
}

func (v publisher) AddEvent(ctx context.Context, d streams.DeadLetter) error {
	d.Vendor = streams.EventPlace
	return v.Add(ctx, d)
}

func (v publisher) ReplayWaiting(_ context.Context, _, _, key string) (sent bool, err error) {
	var d streams.DeadLetter
	err = v.ask(func() error {
		if v.returnsAway == key {
			return errAway
		}
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		d, sent = v.out.dead[key]
		sent = sent && d.Replay == 0 && d.Replaying == 0
		return nil
	})
	if err != nil || !sent {
		return false, err
	}
	err = v.ask(func() error {
		subject, header := d.AsAutomaticReplay()
		v.storeReplay(subject, header, d.Payload)
		return nil
	})
	if err != nil {
		return false, err
	}
	return true, v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		if now, ok := v.out.dead[key]; ok && now.Replay == 0 { // as compare-and-set
			now.Replaying = 1
			v.out.dead[key] = now
		}
		return nil
	})
}

func (v publisher) Reopen(_ context.Context, _, _, key string, replay int) error {
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		if d, ok := v.out.dead[key]; ok && d.Replay < replay {
			d.Replay = replay
			v.out.dead[key] = d
		}
		return nil
	})
}

func (v publisher) RemoveEnded(_ context.Context, _, _, key string, replay int) error {
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		if v.out.dead[key].Replay <= replay {
			delete(v.out.dead, key)
		}
		return nil
	})
}
