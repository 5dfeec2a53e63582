package streams

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// Hold is the reason why Usher sends no calls to a vendor: the vendor fails, or refuses the
// credentials.
type Hold struct {
	Since time.Time `json:"since"`
	At    time.Time `json:"at"` // time of the last failed probe
	// Next is the time of the next probe; zero in the holds of older versions.
	Next time.Time `json:"next,omitzero"`
	Why  string    `json:"why"`
	// Credentials reports that the vendor refuses the credentials.
	Credentials bool `json:"credentials,omitempty"`
}

// Check returns the time of the next probe. retry stands for the interval of an older version.
func (h Hold) Check(retry time.Duration) time.Time {
	if h.Next.IsZero() {
		return h.At.Add(retry)
	}
	return h.Next
}

// holdToken begins the keys of holds in the bucket CONTROL.
const holdToken = "hold"

// SetHold stores that a vendor is on hold, for all processes.
func (c *Control) SetHold(ctx context.Context, vendor string, h Hold) error {
	return c.put(ctx, holdToken+".", vendor, h)
}

// ClearHold ends the hold of a vendor. A vendor without a hold is no error.
func (c *Control) ClearHold(ctx context.Context, vendor string) error {
	return c.delete(ctx, holdToken+".", vendor)
}

// Holds returns the holds by vendor, without those whose last probe is older than fresh: the
// process that reported an older hold may have died since.
func (c *Control) Holds(ctx context.Context, fresh time.Duration) (map[string]Hold, error) {
	values, err := c.values(ctx, holdToken)
	if err != nil {
		return nil, err
	}
	found := map[string]Hold{}
	for key, value := range values {
		var h Hold
		if json.Unmarshal(value, &h) == nil && time.Since(h.At) < fresh {
			found[strings.TrimPrefix(key, holdToken+".")] = h
		}
	}
	return found, nil
}
