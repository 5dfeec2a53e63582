// Package vendors holds the common part of all vendor clients: the types (User, Account,
// Course, Enrollment, Activity), the HTTP client, and errors that say how a failure may be
// handled.
//
// Each vendor is a folder below this package. api.go has the settings (Config, Defaults, Needs)
// and one method per documented call; adapter.go implements the ports (ports.go) by these
// calls. See docs/adding-a-vendor.md. A vendor imports neither events nor NATS nor another
// vendor.
package vendors

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"
)

// User is a person as described by our events. ID is our id, never a vendor's. Fields that the
// event does not have are empty and are not sent to vendors.
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

// FullName returns first and last name, or "" if the event has neither.
func (u User) FullName() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// Name returns the full name, or the part of the e-mail before the @ if there is no name.
func (u User) Name() string {
	if name := u.FullName(); name != "" {
		return name
	}
	local, _, _ := strings.Cut(u.Email, "@")
	return local
}

// Account is one of our users at one vendor. ID is the vendor's id, as text. Email is the
// e-mail of the event, which may differ from the e-mail at the vendor; "" if the event has
// none.
type Account struct {
	ID    string
	Email string
	// Owner is the user id that the vendor keeps with the account, as far as a look-up or a creation
	// shows one: the account was made for this user of ours.
	Owner string
	// Existed marks the result of Provisioner.Create for a taken e-mail: the account is from before.
	Existed bool
}

// Listed is an account as listed or shown by a vendor.
type Listed struct {
	ID      string
	Email   string
	Staff   bool // by the vendor's role; true if the role is missing
	Deleted bool // deleted, but still shown, such as in a trash
}

// ListedCourse is a course as listed by a vendor.
type ListedCourse struct {
	ID   string // the vendor's id, as text
	Name string
}

// Course is one of our courses at one vendor.
type Course struct {
	ID   string // the vendor's id, as text
	Ours string // our id, from the event
}

// Origin identifies the event behind a change. Everything that a vendor's deduplication
// compares is derived from Origin, never from the clock or a random number, so a repeat looks
// the same.
type Origin struct {
	Key string    // key of the event: 32 lower-case hex digits
	At  time.Time // time of the event
}

// Enrollment is a request to enrol an account in a course, or to end the enrolment.
type Enrollment struct {
	Origin   Origin
	UserID   string // our id
	Account  Account
	Email    string // "" if the event has none
	Course   Course
	StartsOn string // YYYY-MM-DD, or empty
	EndsOn   string // YYYY-MM-DD, or empty
}

// Activity is an action of a user.
type Activity struct {
	Origin     Origin
	UserID     string // our id
	Name       string
	At         time.Time
	Properties json.RawMessage // a JSON object, as the event has it; nil if there is none
}

// NormalEmail returns an e-mail address as sent to vendors: trimmed and in lower case, so a
// case-sensitive search finds accounts created by Usher.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// SameEmail reports whether a and b are the same address, ignoring case and surrounding spaces.
// No vendor documents a rule of its own; none treats addresses that differ only in case as two
// people. An internationalized domain is compared in the ASCII form, since some vendors store
// xn--mller-kva.example for müller.example.
func SameEmail(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return strings.EqualFold(a, b) || strings.EqualFold(withASCIIDomain(a), withASCIIDomain(b))
}

// withASCIIDomain returns an address with the ASCII form of an internationalized domain. Any
// other address is returned unchanged.
func withASCIIDomain(email string) string {
	at := strings.LastIndexByte(email, '@')
	domain, err := idna.Lookup.ToASCII(email[at+1:])
	if at < 0 || err != nil || isASCII(email[at+1:]) {
		return email
	}
	return email[:at+1] + domain
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
