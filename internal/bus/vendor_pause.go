package bus

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// Pause is the pause of a vendor: no process calls the vendor meanwhile.
type Pause struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: until it is cleared
}

// Over reports whether the pause has ended by itself at a time.
func (p Pause) Over(now time.Time) bool { return !p.Until.IsZero() && !now.Before(p.Until) }

// pausePrefix begins the keys of pauses in the bucket CONTROL.
const pausePrefix = "pause."

// SetPause pauses a vendor, in place of an earlier pause.
func (b *Bus) SetPause(ctx context.Context, vendor string, p Pause) error {
	return b.putNote(ctx, pausePrefix, vendor, p)
}

// ClearPause ends the pause of a vendor. There may be none.
func (b *Bus) ClearPause(ctx context.Context, vendor string) error {
	return b.deleteNote(ctx, pausePrefix, vendor)
}

// Pauses returns the pauses that are in force, by vendor.
func (b *Bus) Pauses(ctx context.Context) (map[string]Pause, error) {
	values, err := b.notes(ctx, pausePrefix)
	if err != nil {
		return nil, err
	}
	return pausesOf(values), nil
}

// WatchPauses calls see with the pauses that are in force, by vendor: at first, and after
// each change, until ctx ends. A pause that ends by itself is no change; see Pause.Over.
// While NATS is away, the pauses stay as they are.
func (b *Bus) WatchPauses(ctx context.Context, see func(map[string]Pause)) {
	b.WatchControl(ctx, pausePrefix+">", func(values map[string][]byte) { see(pausesOf(values)) })
}

// pausesOf reads pauses. One that cannot be read pauses its vendor until it is cleared.
func pausesOf(values map[string][]byte) map[string]Pause {
	found := map[string]Pause{}
	for key, value := range values {
		var p Pause
		if json.Unmarshal(value, &p) != nil {
			p = Pause{}
		}
		if !p.Over(time.Now()) {
			found[strings.TrimPrefix(key, pausePrefix)] = p
		}
	}
	return found
}
