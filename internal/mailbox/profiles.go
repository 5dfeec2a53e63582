package mailbox

import (
	"context"
	"encoding/json"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
)

// Profiles keeps the profiles of users.
type Profiles interface {
	// Merge merges an event into the profile at a key, and returns the merged profile.
	Merge(ctx context.Context, key string, e events.Event, at events.Position) (profile.Profile, error)
}

// ResyncSource ends the source of events with the data of the stored profile; see Service.Resync of
// package ops.
const ResyncSource = "/resync"

// profile merges an event into the profile of its user before the rules of the team judge the
// event. A vendor without rules has no profiles. The data of a resync came from the profile: merged
// again, the data would win over older events that are still to come.
func (p *parts) profile(ctx context.Context, event *Event) (handlers.Profile, error) {
	if p.vendor.Rules == nil || event.Later {
		return handlers.Profile{}, nil
	}
	at := event.Message.Position
	news := event.Event
	if event.Replay > 0 && event.Source() == p.config.Source+ResyncSource {
		news = events.Event{} // changes nothing
	}
	merged, err := p.deps.Profiles.Merge(ctx, record.Digest(event.Plan.UserID), news, at)
	if err != nil {
		return handlers.Profile{}, err
	}
	var data json.RawMessage
	if h := event.Handler; !h.Removes && h.Type != events.UserRestored { // no rule judges the others
		data, err = merged.Data()
	}
	created := merged.Created != events.Position{}
	return handlers.Profile{
		Data: data, Known: len(merged.Members) > 0, Deleted: at.Before(merged.Deleted),
		Enters: created && p.config.Rules.allowsChange("create"), Decoded: new(map[string]any),
	}, err
}
