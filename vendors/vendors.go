// Package vendors holds what all vendor clients share: the words they speak
// (User, Account, Course, Enrollment, Activity), the transport that carries
// their calls, and the errors by which a call says what to do next.
//
// A vendor is a folder below this one. Its api.go has its settings (Config,
// Defaults and Needs) and one method per documented call; its adapter.go turns
// those calls into the ports (ports.go). See docs/adding-a-vendor.md.
// Vendors know nothing of events, of NATS, or of each other.
package vendors

import (
	"encoding/json"
	"strings"
	"time"
)

// User is a person as our events describe them. ID is ours, never a vendor's.
// Fields that the event did not carry are empty; vendors must not be told of them.
type User struct {
	ID         string
	Email      string
	FirstName  string
	LastName   string
	Locale     string // BCP 47, such as en-US
	TimeZone   string // IANA name, such as Europe/Berlin
	Phone      string
	Attributes json.RawMessage // a JSON object, as the event has it; nil if there is none
}

// FullName is the first and the last name; empty where the event has neither.
func (u User) FullName() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// Name is the full name, or the part of the e-mail before the @ where the event has none.
func (u User) Name() string {
	if name := u.FullName(); name != "" {
		return name
	}
	local, _, _ := strings.Cut(u.Email, "@")
	return local
}

// Account is one of our users at one vendor. ID is the vendor's, as text. Email
// is what the event at hand says, empty where it says nothing: a help to find
// the account, not what the vendor holds.
type Account struct {
	ID    string
	Email string
}

// Listed is an account as a vendor lists or shows it.
type Listed struct {
	ID      string
	Email   string
	Staff   bool // as far as the vendor tells: where it should tell and does not, true
	Deleted bool // shown all the same, such as in a trash
}

// Course is one of our courses at one vendor.
type Course struct {
	ID   string // the vendor's id, as text
	Ours string // our id, as the event named it
}

// Origin says which event a change comes from. Whatever a vendor's own
// deduplication looks at is made from it, so that a repeat looks the same:
// never from the clock and never from a random number.
type Origin struct {
	Key string    // the event's key: lower-case hex, 32 digits
	At  time.Time // the event's time
}

// Enrollment is a request to put an account into a course.
type Enrollment struct {
	Origin   Origin
	UserID   string // ours
	Account  Account
	Email    string // empty where the event has none
	Course   Course
	StartsOn string // YYYY-MM-DD, or empty
	EndsOn   string // YYYY-MM-DD, or empty
}

// Activity is something a user did.
type Activity struct {
	Origin     Origin
	UserID     string // ours
	Name       string
	At         time.Time
	Properties json.RawMessage // a JSON object, as the event has it; nil if there is none
}

// NormalEmail is an e-mail as we send it, without surrounding blanks and in
// lower case, so that a search finds what we made even where it minds the case.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// SameEmail tells whether a and b are the same address: equal but for case and
// surrounding blanks. No vendor documents its own rule; none treats two
// addresses that differ only in case as two people.
func SameEmail(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
