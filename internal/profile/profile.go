// Package profile keeps a profile of each user: all members of the user's events, as far as the
// rules of a team need the members. Updates are partial, so a rule cannot judge by one event.
//
// Each member has the position of the event with the value. The newest position wins, so events
// may be merged in any order, and repeatedly, by any process.
package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/usherhq/usher/events"
)

// Profile is the data of one user. The zero value is the profile of an unknown user.
type Profile struct {
	Members map[string]Member `json:"members,omitempty"` // by name; an attribute is attributes.<name>
	Created events.Position   `json:"created,omitzero"`  // of the last creation
	Deleted events.Position   `json:"deleted,omitzero"`  // of the last deletion: older members are gone
}

// Member is the value of a member, with the position of the event.
type Member struct {
	Value    json.RawMessage `json:"value"`
	Position events.Position `json:"position"`
}

// attributes is the member with the attributes of a user. Attributes are merged one by one.
const attributes = "attributes"

// Merge merges the data of an event at a position, and reports whether the profile has changed.
// Events other than user.created, user.updated and user.deleted change nothing.
func (p *Profile) Merge(e events.Event, at events.Position) (changed bool, err error) {
	switch e.Type() {
	case events.UserDeleted:
		return p.clear(at), nil
	case events.UserCreated, events.UserUpdated:
	default:
		return false, nil
	}
	if at.Before(p.Deleted) {
		return false, nil
	}
	members, err := membersOf(e.Data())
	if err != nil {
		return false, err
	}
	if e.Type() == events.UserCreated && p.Created.Before(at) {
		p.Created, changed = at, true
	}
	for name, value := range members {
		if old, known := p.Members[name]; known && !old.Position.Before(at) {
			continue
		}
		if p.Members == nil {
			p.Members = map[string]Member{}
		}
		p.Members[name], changed = Member{value, at}, true
	}
	return changed, nil
}

// clear removes all data before a deletion.
func (p *Profile) clear(at events.Position) (changed bool) {
	if !p.Deleted.Before(at) {
		return false
	}
	p.Deleted = at
	for name, m := range p.Members {
		if m.Position.Before(at) {
			delete(p.Members, name)
		}
	}
	if p.Created.Before(at) {
		p.Created = events.Position{}
	}
	return true
}

// Newest returns the position of the newest event with data in the profile.
func (p *Profile) Newest() events.Position {
	newest := p.Created
	for _, m := range p.Members {
		if newest.Before(m.Position) {
			newest = m.Position
		}
	}
	return newest
}

// membersOf returns the members of the data of an event, with one member for each attribute.
func membersOf(data []byte) (map[string]json.RawMessage, error) {
	var members, inner map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	if raw, ok := members[attributes]; ok {
		if err := json.Unmarshal(raw, &inner); err != nil {
			return nil, fmt.Errorf("read attributes: %w", err)
		}
		delete(members, attributes)
	}
	for name, value := range inner {
		members[attributes+"."+name] = value
	}
	for name, value := range members {
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return nil, fmt.Errorf("read data: %w", err)
		}
		members[name] = compact.Bytes()
	}
	return members, nil
}

// Data returns the members in the form of the data of an event.
func (p *Profile) Data() (json.RawMessage, error) {
	data, inner := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, m := range p.Members {
		if attribute, ok := strings.CutPrefix(name, attributes+"."); ok {
			inner[attribute] = m.Value
		} else {
			data[name] = m.Value
		}
	}
	if len(inner) > 0 {
		raw, err := json.Marshal(inner)
		if err != nil {
			return nil, fmt.Errorf("write attributes: %w", err)
		}
		data[attributes] = raw
	}
	return json.Marshal(data)
}
