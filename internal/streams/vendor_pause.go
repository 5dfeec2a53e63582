package streams

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
	By    string    `json:"by,omitempty"`   // the person; empty in pauses of older versions
	Why   string    `json:"why,omitempty"`
}

// Over reports whether the pause has ended by itself at a time.
func (p Pause) Over(now time.Time) bool { return !p.Until.IsZero() && !now.Before(p.Until) }

// pauseToken begins the keys of pauses in the bucket CONTROL.
const pauseToken = "pause"

// SetPause pauses a vendor, in place of an earlier pause.
func (c *Control) SetPause(ctx context.Context, vendor string, p Pause) error {
	return c.put(ctx, pauseToken+".", vendor, p)
}

// ClearPause ends the pause of a vendor. A vendor without a pause is no error.
func (c *Control) ClearPause(ctx context.Context, vendor string) error {
	return c.delete(ctx, pauseToken+".", vendor)
}

// Pauses returns the pauses in force, by vendor.
func (c *Control) Pauses(ctx context.Context) (map[string]Pause, error) {
	values, err := c.values(ctx, pauseToken)
	if err != nil {
		return nil, err
	}
	return pausesOf(values), nil
}

// WatchPauses calls see with the pauses in force, by vendor: at the start, and after each
// change, until ctx ends. A pause that ends by itself is no change; see Pause.Over.
func (c *Control) WatchPauses(ctx context.Context, see func(map[string]Pause)) {
	c.Watch(ctx, pauseToken+".>", func(values map[string][]byte) { see(pausesOf(values)) })
}

// pausesOf decodes pauses. An unreadable pause pauses its vendor until it is cleared.
func pausesOf(values map[string][]byte) map[string]Pause {
	found := map[string]Pause{}
	for key, value := range values {
		var p Pause
		if json.Unmarshal(value, &p) != nil {
			p = Pause{}
		}
		if !p.Over(time.Now()) {
			found[strings.TrimPrefix(key, pauseToken+".")] = p
		}
	}
	return found
}
