package sandbox

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// State is what the stand-ins hold, and what they were asked. It is served at /state.
type State struct {
	Vendors map[string]VendorState `json:"vendors"`
}

// VendorState is one vendor's part of the State.
type VendorState struct {
	Users       []User         `json:"users"`       // every record ever made, in the order of making
	Enrollments []Enrollment   `json:"enrollments"` // every record ever made, in the order of making
	Events      []Event        `json:"events"`      // every activity taken, in the order of the first receipt
	Calls       map[string]int `json:"calls"`       // calls by operation, such as "POST /users", faults included
	Faults      map[Kind]int   `json:"faults"`      // faults given
}

// User is an account at a vendor.
type User struct {
	ID       string `json:"id"`                    // the vendor's
	Kind     string `json:"kind,omitempty"`        // of a vendor with several kinds of account: client, reader
	External string `json:"external_id,omitempty"` // our id for the user, where the vendor was told
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	Staff    bool   `json:"staff,omitempty"`
	Deleted  bool   `json:"deleted"`
	Creates  int    `json:"creates"` // create calls that were answered with this record
	Deletes  int    `json:"deletes"` // delete calls that reached this record

	Phone      string `json:"phone,omitempty"`
	Locale     string `json:"locale,omitempty"`
	TimeZone   string `json:"time_zone,omitempty"`
	Attributes string `json:"attributes,omitempty"` // of our events, as JSON; empty where the vendor has none
	Updates    int    `json:"updates,omitempty"`    // update calls that reached this record
	Restores   int    `json:"restores,omitempty"`   // calls that took it back
	Resets     int    `json:"resets,omitempty"`     // passwords that were set after the first
}

// Enrollment is an account in a course.
type Enrollment struct {
	UserID   string `json:"user_id"` // the vendor's id, or the e-mail where the vendor goes by that
	CourseID string `json:"course_id"`
	Active   bool   `json:"active"`
	Applied  int    `json:"applied"` // enrol calls that reached this record; harmless where the call is an upsert
	// Lost is how many of these were never answered. Counted at Miestro, where
	// nobody can tell a repeat from a first call.
	Lost int `json:"lost,omitempty"`
	// Ended is how many calls ended it; where the vendor is told by events, how
	// many said so, of which all but the first are repeats.
	Ended int `json:"ended,omitempty"`
}

// Event is an activity that a vendor was told of.
type Event struct {
	RequestID string    `json:"request_id,omitempty"` // what the vendor's own deduplication goes by
	Key       string    `json:"key,omitempty"`        // our event's key
	UserID    string    `json:"user_id"`
	Name      string    `json:"name"`
	At        time.Time `json:"at"`
	Received  int       `json:"received"` // calls that carried it
	Recorded  int       `json:"recorded"` // times that the vendor counted it: more than 1 is a fault of ours
}

// Live returns the accounts that are not deleted.
func (s VendorState) Live() []User {
	return slices.DeleteFunc(slices.Clone(s.Users), func(u User) bool { return u.Deleted })
}

// Twins returns the live accounts that share their kind and e-mail with an
// earlier live one: it must be empty.
func (s VendorState) Twins() []User {
	return repeated(s.Live(), func(u User) string { return u.Kind + "\x00" + strings.ToLower(u.Email) })
}

// EnrolledTwice returns the active enrolments of an account in a course that
// it is in already: it must be empty.
func (s VendorState) EnrolledTwice() []Enrollment {
	active := slices.DeleteFunc(slices.Clone(s.Enrollments), func(e Enrollment) bool { return !e.Active })
	return repeated(active, func(e Enrollment) string { return e.UserID + "\x00" + e.CourseID })
}

// RecordedTwice returns the activities that the vendor counted twice, or that
// share our event's key with an earlier one: it must be empty.
func (s VendorState) RecordedTwice() []Event {
	twice := slices.DeleteFunc(slices.Clone(s.Events), func(e Event) bool { return e.Recorded < 2 })
	keyed := slices.DeleteFunc(slices.Clone(s.Events), func(e Event) bool { return e.Key == "" })
	return append(twice, repeated(keyed, func(e Event) string { return e.Key })...)
}

// repeated returns the items whose key an earlier item has.
func repeated[T any](items []T, key func(T) string) []T {
	seen := map[string]bool{}
	var out []T
	for _, item := range items {
		if seen[key(item)] {
			out = append(out, item)
		}
		seen[key(item)] = true
	}
	return out
}

// full returns the stand-in's state with the calls and faults counted before it.
func (v *vendor) full() VendorState {
	v.landDue()
	state := v.state()
	state.Users = append([]User{}, state.Users...) // lists in JSON, never null
	state.Enrollments = append([]Enrollment{}, state.Enrollments...)
	state.Events = append([]Event{}, state.Events...)
	v.mu.Lock()
	defer v.mu.Unlock()
	state.Calls, state.Faults = maps.Clone(v.calls), maps.Clone(v.faults)
	return state
}
