package vendors

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrNotFound is returned by a look-up that found no account. It is an answer,
// not a failure.
var ErrNotFound = errors.New("no such account")

// ErrLate is returned for a call that was not begun, because it could not have
// ended before its context's deadline.
var ErrLate = errors.New("too late to begin the call")

// Class says what may be done about a failed call. The zero value, Again, is
// what an error that says nothing counts as.
type Class uint8

// The classes of failure.
const (
	Again     Class = iota // try again later
	Permanent              // the same call can never succeed; a person must look
	Unusable               // the vendor refuses us (credentials, base URL): no call can succeed until a person mends it
)

// String returns the class as it stands in results, dead letters and logs.
func (c Class) String() string {
	switch c {
	case Permanent:
		return "permanent"
	case Unusable:
		return "unusable"
	default:
		return "again"
	}
}

// Error is a vendor call that failed. Its text holds no secret, no personal
// data, no address, and at most 512 bytes of the vendor's answer.
type Error struct {
	Vendor  string
	Op      string        // the call, as in "create user"
	Class   Class         // what may be done about it
	Status  int           // the HTTP status, 0 where none came
	Message string        // what the vendor said, cleaned
	After   time.Duration // how long the vendor asked us to wait, in full; 0 where it did not
	// Unknown says that the change may have been made all the same: the answer
	// was lost, or said nothing of it. Look before you try again.
	Unknown bool
	Err     error // the cause, where it is not a status
}

// Error says what was done, what came of it, and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Vendor, e.Op)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if advice := e.Advice(); advice != "" {
		fmt.Fprintf(&b, " (%s)", advice)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Advice says in a few words what to do about the failure; empty where waiting is all there is to do.
func (e *Error) Advice() string {
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return "check the credentials of " + e.Vendor + " and what they may do"
	case e.Status >= 300 && e.Status < 400:
		return "redirects are not followed: set the base URL of " + e.Vendor + " to where it leads"
	case e.Class == Unusable:
		return "check the base URL and the credentials of " + e.Vendor
	case e.Unknown:
		return "the change may have been made: look before repeating it"
	case e.Class == Permanent:
		return "repeating it will not help: mend the event or the vendor's data, then replay"
	default:
		return ""
	}
}

// Fail makes a permanent error of a vendor without a call: the request cannot
// be made at all, and message says why in our own words.
func Fail(vendor, op, message string) *Error {
	return &Error{Vendor: vendor, Op: op, Class: Permanent, Message: message}
}

// ClassOf returns the class of err: that of the Error in it, Again where there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Again
}

// StatusOf returns the HTTP status of err, 0 where it has none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// IsUnknown tells whether the change that err speaks of may have been made.
func IsUnknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Unknown
}

// IsUnanswered tells whether err says that a call was sent and not answered: it may
// land until its time is over.
func IsUnanswered(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Class == Again && e.Status == 0 && !errors.Is(err, ErrLate) && !neverSent(err)
}

// IsGone tells whether err says that the thing asked for is not there (404, 410).
func IsGone(err error) bool {
	status := StatusOf(err)
	return status == http.StatusNotFound || status == http.StatusGone
}

// IsRefused tells whether the vendor said no to the request itself, and not to
// us or to its haste.
func IsRefused(err error) bool {
	status := StatusOf(err)
	return status >= 400 && status < 500 && ClassOf(err) != Unusable && status != http.StatusTooManyRequests
}

// UnusableIfGone takes a list that is not there for a wrong base URL: no event can
// be the cause.
func UnusableIfGone(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && IsGone(err) {
		e.Class = Unusable
	}
	return err
}

// LogInRefused makes a log-in that a vendor rejects the fault of the
// configuration, whatever the status: no call can succeed until a person mends
// it. The status is left out, so that nobody takes it for the answer to the call
// that was to follow.
func LogInRefused(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class == Again {
		return err
	}
	return &Error{Vendor: e.Vendor, Op: e.Op, Class: Unusable, Message: fmt.Sprintf("the log-in was refused with status %d: %s", e.Status, e.Message)}
}
