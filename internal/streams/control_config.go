package streams

import (
	"context"
	"encoding/json"
	"time"
)

// The keys of CONTROL for the configuration.
const (
	reloadKey = "reload" // the time of the last usher config reload
	configKey = "config.state"
)

// Configuration is the state of the configuration of a process: of the last process to read.
type Configuration struct {
	Process string    `json:"process"`
	Read    time.Time `json:"read"` // of the configuration in use
	// Faults belong to a newer configuration, which is not in use.
	Faults []string   `json:"faults,omitempty"`
	Tried  *time.Time `json:"tried,omitempty"` // the last attempt, if there are faults
	// Restart names changed settings that need a restart.
	Restart []string `json:"restart,omitempty"`
}

// RequestReload asks all processes to read the configuration again.
func (c *Control) RequestReload(ctx context.Context, at time.Time) error {
	return c.put(ctx, reloadKey, "", at)
}

// WatchReloads calls see after each RequestReload, until ctx ends.
func (c *Control) WatchReloads(ctx context.Context, see func()) {
	last, known := "", false
	c.Watch(ctx, reloadKey, func(values map[string][]byte) {
		now := string(values[reloadKey])
		if known && now != last {
			see()
		}
		last, known = now, true
	})
}

// SetConfiguration stores the state of the configuration.
func (c *Control) SetConfiguration(ctx context.Context, state Configuration) error {
	return c.put(ctx, configKey, "", state)
}

// Configuration returns the stored state of the configuration, and whether a process has stored one.
func (c *Control) Configuration(ctx context.Context) (state Configuration, ok bool, err error) {
	values, err := c.values(ctx, "config")
	text, ok := values[configKey]
	if err != nil || !ok {
		return state, false, err
	}
	return state, true, json.Unmarshal(text, &state)
}
