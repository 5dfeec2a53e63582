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

// seenProfile is the profile of a user as the last merge in this mailbox returned it, with the data for
// the rules; nil: unknown. The rules decode the data once.
type seenProfile struct {
	profile profile.Profile
	data    json.RawMessage
	decoded *map[string]any
}

// size returns the approximate bytes of a profile in memory.
func (s *seenProfile) size() int {
	if s == nil {
		return 0
	}
	return 4 * len(s.data) // as members, as data, and decoded
}

// of returns the profile for an event at a position.
func (s *seenProfile) of(at events.Position) handlers.Profile {
	return handlers.Profile{
		Data: s.data, Known: len(s.profile.Members) > 0, Deleted: at.Before(s.profile.Deleted()), Enters: s.profile.Exists(), Decoded: s.decoded,
	}
}

// ProfileAt returns the profile by which the rules of all vendors judge an event at a position.
func ProfileAt(p profile.Profile, at events.Position) (handlers.Profile, error) {
	data, err := p.Data()
	return (&seenProfile{p, data, new(map[string]any)}).of(at), err
}

// profile returns the profile for an attempt at an event. An event that changes no profile is judged by
// the profile of the last merge in this mailbox, without a read: the mailbox has merged all earlier
// events of the user that were attempted during this ownership. A replay reads, since its data may be
// of events that are still to come here, and so does the mailbox of an activity, which has no other
// event of the user.
func (t *attempts) profile(ctx context.Context, event *Event) (handlers.Profile, error) {
	seen := t.user.profile
	if seen != nil && event.Replay == 0 && !event.Later && !profile.Merges(event.Type) {
		return seen.of(event.Message.Position), nil
	}
	t.user.profile = nil
	found, merged, err := t.parts.profile(ctx, event)
	if err == nil && found.Data != nil && !record.IsActivityKey(t.user.key) {
		t.user.profile = &seenProfile{merged, found.Data, found.Decoded}
	}
	return found, err
}

// profile merges an event into the profile of its user before the rules of the team judge the
// event. A vendor without rules has no profiles. The data of a resync came from the profile: merged
// again, the data would win over older events that are still to come.
func (p *parts) profile(ctx context.Context, event *Event) (handlers.Profile, profile.Profile, error) {
	if p.vendor.Rules == nil || event.Later {
		return handlers.Profile{}, profile.Profile{}, nil
	}
	at := event.Message.Position
	news := event.Event
	if event.Replay > 0 && event.Source() == p.config.Source+ResyncSource {
		news = events.Event{} // changes nothing
	}
	merged, err := p.deps.Profiles.Merge(ctx, record.Digest(event.Plan.UserID), news, at)
	if err != nil {
		return handlers.Profile{}, merged, err
	}
	var data json.RawMessage
	if !event.Handler.Removes { // no rule judges a deletion
		data, err = merged.Data()
	}
	seen := seenProfile{merged, data, new(map[string]any)}
	return seen.of(at), merged, err
}
