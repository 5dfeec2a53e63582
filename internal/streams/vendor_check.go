package streams

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// checksToken begins the keys of checks asked for by people in the bucket CONTROL.
const checksToken = "check"

// check is the time at which a person asked for a check of a vendor.
type check struct {
	At time.Time `json:"at"`
}

// AskCheck asks all processes for a check of a vendor on hold, without waiting for the time of the
// next check.
func (c *Control) AskCheck(ctx context.Context, vendor string, at time.Time) error {
	return c.put(ctx, checksToken+".", vendor, check{at})
}

// WatchChecks calls see with the time of the last request for a check, by vendor: at the start, and
// after each change, until ctx ends.
func (c *Control) WatchChecks(ctx context.Context, see func(map[string]time.Time)) {
	c.Watch(ctx, checksToken+".>", func(values map[string][]byte) {
		found := map[string]time.Time{}
		for key, value := range values {
			var asked check
			if json.Unmarshal(value, &asked) == nil {
				found[strings.TrimPrefix(key, checksToken+".")] = asked.At
			}
		}
		see(found)
	})
}
