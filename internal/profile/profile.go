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
	plain := func(r rune) bool { return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }
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
