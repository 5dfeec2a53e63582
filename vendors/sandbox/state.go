package sandbox

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// State is the data of all fake vendors, with the calls they received. The state is served at
// /state.
type State struct {
	Vendors map[string]VendorState `json:"vendors"`
}

// VendorState is the state of one vendor.
type VendorState struct {
	Users       []User         `json:"users"`       // every record ever created, in order
	Enrollments []Enrollment   `json:"enrollments"` // every record ever created, in order
	Events      []Event        `json:"events"`      // every activity, in the order of first receipt
	Calls       map[string]int `json:"calls"`       // calls by operation, such as "POST /users", including faults
	Faults      map[Kind]int   `json:"faults"`      // faults by kind
}

// User is an account at a vendor.
type User struct {
	ID       string `json:"id"`                    // id at the vendor
	Kind     string `json:"kind,omitempty"`        // client or reader, at a vendor with several kinds
	External string `json:"external_id,omitempty"` // our user id, if known to the vendor
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	Staff    bool   `json:"staff,omitempty"`
	Deleted  bool   `json:"deleted"`
	Creates  int    `json:"creates"` // create calls with this record as the response
	Deletes  int    `json:"deletes"` // delete calls for this record

	Phone      string `json:"phone,omitempty"`
	Locale     string `json:"locale,omitempty"`
	TimeZone   string `json:"time_zone,omitempty"`
	Attributes string `json:"attributes,omitempty"` // attributes of our events, as JSON; "" if unsupported
	Updates    int    `json:"updates,omitempty"`    // update calls for this record
	Restores   int    `json:"restores,omitempty"`   // restore calls for this record
	Resets     int    `json:"resets,omitempty"`     // password changes after the creation
}

// Enrollment is an account in a course.
type Enrollment struct {
	UserID   string `json:"user_id"` // the vendor's id, or the e-mail at a vendor with e-mails as ids
	CourseID string `json:"course_id"`
	Active   bool   `json:"active"`
	Applied  int    `json:"applied"` // enrol calls for this record; harmless for upserts
	// Lost is the number of enrol calls without a response. Counted for Miestro, because
	// Miestro's client cannot distinguish a repeat from a first call.
	Lost int `json:"lost,omitempty"`
	// Ended is the number of calls that ended the enrolment, or of events about the end; all
	// but the first are repeats.
	Ended int `json:"ended,omitempty"`
}

// Event is an activity received by a vendor.
type Event struct {
	RequestID string    `json:"request_id,omitempty"` // key of the vendor's own deduplication
	Key       string    `json:"key,omitempty"`        // key of our event
	UserID    string    `json:"user_id"`
	Name      string    `json:"name"`
	At        time.Time `json:"at"`
	Received  int       `json:"received"` // calls with this activity
	Recorded  int       `json:"recorded"` // times counted by the vendor; more than 1 is a defect of Usher
}

// Live returns the accounts that are not deleted.
func (s VendorState) Live() []User {
	return slices.DeleteFunc(slices.Clone(s.Users), func(u User) bool { return u.Deleted })
}

// Twins returns the live accounts with the kind and e-mail of an earlier live account. There
// must be none.
func (s VendorState) Twins() []User {
	return repeated(s.Live(), func(u User) string { return u.Kind + "\x00" + strings.ToLower(u.Email) })
}

// EnrolledTwice returns the active enrolments of an account in a course with an earlier active
// enrolment. There must be none.
func (s VendorState) EnrolledTwice() []Enrollment {
	active := slices.DeleteFunc(slices.Clone(s.Enrollments), func(e Enrollment) bool { return !e.Active })
	return repeated(active, func(e Enrollment) string { return e.UserID + "\x00" + e.CourseID })
}

// RecordedTwice returns the activities counted twice by the vendor, or with the event key of an
// earlier activity. There must be none.
func (s VendorState) RecordedTwice() []Event {
	twice := slices.DeleteFunc(slices.Clone(s.Events), func(e Event) bool { return e.Recorded < 2 })
	keyed := slices.DeleteFunc(slices.Clone(s.Events), func(e Event) bool { return e.Key == "" })
	return append(twice, repeated(keyed, func(e Event) string { return e.Key })...)
}

// repeated returns the items with the key of an earlier item.
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

// snapshot returns the state of the vendor with calls and faults.
func (v *vendor) snapshot() VendorState {
	v.carryOutDue()
	state := v.state()
	state.Users = append([]User{}, state.Users...) // lists in JSON, never null
	state.Enrollments = append([]Enrollment{}, state.Enrollments...)
	state.Events = append([]Event{}, state.Events...)
	v.mu.Lock()
	defer v.mu.Unlock()
	state.Calls, state.Faults = maps.Clone(v.calls), maps.Clone(v.faults)
	return state
}
