package schemas

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/spelling"
)

// Warnings returns a warning for each member that Unknown returns.
func (s *Set) Warnings(e events.Event) []string {
	var all []string
	for _, u := range s.Unknown(e) {
		all = append(all, u.Text())
	}
	return all
}

// UnknownMember is a member of an event's data that no schema has.
type UnknownMember struct {
	Name    string // as sent, at most 64 bytes
	Nearest string // similar member of the schema of the type, or ""
}

// Text returns a warning for the sender.
func (u UnknownMember) Text() string {
	text := "no schema has a member " + u.Name + ": it has no effect"
	if u.Nearest != "" {
		text += "; did you mean " + u.Nearest + "?"
	}
	return text
}

// maxUnknown limits the unknown members of one event in an answer.
const maxUnknown = 10

// Unknown returns the members of the data of e that no schema has, by name, at most ten.
func (s *Set) Unknown(e events.Event) []UnknownMember {
	if events.EachMember(e.Data(), func(name string, _ []byte) bool { return s.knows(name) }) {
		return nil
	}
	var members map[string]json.RawMessage
	if !events.IsType(e.Type()) || json.Unmarshal(e.Data(), &members) != nil {
		return nil
	}
	var unknown []UnknownMember
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if len(unknown) == maxUnknown || s.knows(name) {
			continue
		}
		short := name
		if len(name) > 64 {
			short = strings.ToValidUTF8(name[:64], "")
		}
		unknown = append(unknown, UnknownMember{short, nearest(short, s.byName[e.Type()].members)})
	}
	return unknown
}

// Nearest returns the member of an event type that a name probably means, or "".
func (s *Set) Nearest(name, typ string) string { return nearest(name, s.byName[typ].members) }

// Members returns the members of the data of an event type, by name.
func (s *Set) Members(typ string) []string { return s.byName[typ].members }

// Required returns the members that the data of an event type must have.
func (s *Set) Required(typ string) []string { return s.byName[typ].schema.Required }

// knows reports whether the schema of any event type has the member.
func (s *Set) knows(name string) bool {
	return slices.Contains(s.known, name)
}

// nearest returns the member with the fewest changes to name, or "" if none is near.
func nearest(name string, members []string) string {
	best, fewest := "", 3
	for _, m := range members {
		if d := spelling.Distance(Letters(name), Letters(m)); d < fewest && 2*d < len(m) {
			best, fewest = m, d
		}
	}
	return best
}

// Letters returns a name in lower case without separators, so that firstName is first_name.
func Letters(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}
