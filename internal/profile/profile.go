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
	"maps"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
)

// Profile is the data of one user. The zero value is the profile of an unknown user. A deletion keeps
// the members, for a restoration; a creation after the deletion removes the older members.
type Profile struct {
	Members   map[string]Member `json:"members,omitempty"`   // by name; an attribute is attributes.<name>
	Created   events.Position   `json:"created,omitzero"`    // of the last creation
	Restored  events.Position   `json:"restored,omitzero"`   // of the last restoration
	Deletions []events.Position `json:"deletions,omitempty"` // newer than the last creation, in order
	Floor     events.Position   `json:"floor,omitzero"`      // of the last deletion before the last creation: older members are gone
}

// Deleted returns the position of the last deletion.
func (p *Profile) Deleted() events.Position {
	if n := len(p.Deletions); n > 0 {
		return p.Deletions[n-1]
	}
	return p.Floor
}

// Exists reports whether the user was created, and is not deleted.
func (p *Profile) Exists() bool {
	return p.Deleted().Before(p.Created) || (p.Created != events.Position{} && p.Deleted().Before(p.Restored))
}

// Gone reports whether the user was deleted, and neither restored nor changed since.
func (p *Profile) Gone() bool {
	d := p.Deleted()
	return d != events.Position{} && p.Newest().Before(d) && p.Restored.Before(d)
}

// Member is the value of a member, with the position of the event.
type Member struct {
	Value    json.RawMessage `json:"value"`
	Position events.Position `json:"position"`
}

// attributes is the member with the attributes of a user. Attributes are merged one by one.
const attributes = "attributes"

// Merges reports whether events of a type change a profile.
func Merges(eventType string) bool {
	switch eventType {
	case events.UserCreated, events.UserUpdated, events.UserDeleted, events.UserRestored:
		return true
	}
	return false
}

// Merge merges the data of an event at a position, and reports whether the profile has changed.
// Events other than user.created, user.updated, user.deleted and user.restored change nothing.
func (p *Profile) Merge(e events.Event, at events.Position) (changed bool, err error) {
	switch e.Type() {
	case events.UserDeleted:
		return p.delete(at), nil
	case events.UserRestored:
		if changed = p.Restored.Before(at); changed {
			p.Restored = at
		}
		return changed, nil
	case events.UserCreated, events.UserUpdated:
	default:
		return false, nil
	}
	members, err := membersOf(e.Data())
	if err != nil {
		return false, err
	}
	if e.Type() == events.UserCreated && p.Created.Before(at) {
		p.Created, changed = at, true
		p.raiseFloor()
	}
	if at.Before(p.Floor) {
		return changed, nil
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

// delete notes a deletion.
func (p *Profile) delete(at events.Position) (changed bool) {
	if !p.Floor.Before(at) || slices.Contains(p.Deletions, at) {
		return false
	}
	p.Deletions = append(p.Deletions, at)
	slices.SortFunc(p.Deletions, events.Position.Compare)
	before := p.Floor
	p.raiseFloor()
	return p.Floor != before || slices.Contains(p.Deletions, at)
}

// mostDeletions bounds Profile.Deletions. Only a creation that is merged late, between two
// deletions, needs more than the last one.
const mostDeletions = 16

// raiseFloor removes the members before the last deletion that a creation has followed.
func (p *Profile) raiseFloor() {
	n := 0
	for n < len(p.Deletions) && p.Deletions[n].Before(p.Created) {
		n++
	}
	if n > 0 && p.Floor.Before(p.Deletions[n-1]) {
		p.Floor = p.Deletions[n-1]
	}
	p.Deletions = p.Deletions[max(n, len(p.Deletions)-mostDeletions):]
	for name, m := range p.Members {
		if m.Position.Before(p.Floor) {
			delete(p.Members, name)
		}
	}
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
		if !bytes.ContainsAny(value, " \t\r\n") {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return nil, fmt.Errorf("read data: %w", err)
		}
		members[name] = compact.Bytes()
	}
	return members, nil
}

// Data returns the members in the form of the data of an event, in the order of their names.
func (p *Profile) Data() (json.RawMessage, error) {
	names := slices.Sorted(maps.Keys(p.Members)) // the attributes are neighbours
	data, inner := []byte{'{'}, false
	for _, full := range names {
		name, isAttribute := strings.CutPrefix(full, attributes+".")
		switch {
		case isAttribute && !inner:
			data = append(separated(data), `"attributes":{`...)
		case !isAttribute && inner:
			data = append(data, '}')
		}
		inner = isAttribute
		quoted, err := quote(separated(data), name)
		if err != nil {
			return nil, fmt.Errorf("write the member %s: %w", name, err)
		}
		data = append(append(quoted, ':'), p.Members[full].Value...)
	}
	if inner {
		data = append(data, '}')
	}
	return append(data, '}'), nil
}

// quote appends a name as a JSON text.
func quote(object []byte, name string) ([]byte, error) {
	plain := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	}
	if !strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return append(append(append(object, '"'), name...), '"'), nil
	}
	text, err := json.Marshal(name)
	return append(object, text...), err
}

// separated returns an object with a comma for a further member.
func separated(object []byte) []byte {
	if object[len(object)-1] == '{' {
		return object
	}
	return append(object, ',')
}
