package vendors

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrNotFound is the result of a look-up without a match. ErrNotFound is an answer of the
// vendor, not a failure.
var ErrNotFound = errors.New("no such account")

// ErrLate is the error of a call that was not begun, because the call could not end before the
// deadline of the context.
var ErrLate = errors.New("too late to begin the call")

// ErrReadOnly is the error of a call that would change something, of a client that only reads.
// The call was not made.
var ErrReadOnly = errors.New("the call would change something, and this client only reads")

// ErrTokenRefused is the error of a call with a new token, answered with 401 right after an
// accepted log-in: the password is right, and the vendor ended the token at once or refuses this
// call only.
var ErrTokenRefused = errors.New("the token of an accepted log-in was refused")

// ErrAmbiguous is the cause of the error of a look-up with several accounts for one user.
var ErrAmbiguous = errors.New("nothing says which account belongs to the user")

// Class says how a failed call may be handled. The zero value is Again, the class of all errors
// without a class.
type Class uint8

// The classes of failure.
const (
	Again     Class = iota // retry later
	Permanent              // a retry cannot succeed; a person must look at the event
	Unusable               // the vendor rejects credentials or URL: no call can succeed until a person corrects the configuration
)

// String returns the class as written in results, dead letters and logs.
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

// Error is a failed vendor call. The text has no secret, no personal data, no URL, and at most
// 512 bytes of the vendor's response.
type Error struct {
	Vendor  string
	Op      string        // the call, such as "create user"
	Class   Class         // how the failure may be handled
	Status  int           // HTTP status; 0 without a response
	Message string        // message of the vendor, redacted
	After   time.Duration // delay asked for by the vendor with 429 or 503; 0 if none
	// Unknown marks a change that may have been made in spite of the failure: the response was
	// lost, or does not say. Look up the state before a retry.
	Unknown bool
	// Unreadable marks a response of success that cannot be understood. A repeat may give the
	// same response: repeat few times.
	Unreadable bool
	Err        error // the cause, if not a status

	remedy string // for Advice, in place of the general one
	nobody bool   // the response shows no account, and Call.Control has to prove the meaning
	gone   bool   // the response shows no account, and means that there is none
}

// Error returns vendor, call, status, message, cause and Advice, as far as known.
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

// Advice returns a correction for the failure, in a few words, or "" if waiting is enough.
func (e *Error) Advice() string {
	switch {
	case errors.Is(e.Err, ErrAmbiguous):
		return "keep one of the accounts at " + e.Vendor + ", then replay"
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return "check the credentials of " + e.Vendor + " and their rights"
	case e.Status >= 300 && e.Status < 400:
		return "redirects are not followed: set the base URL of " + e.Vendor + " to the target of the redirect"
	case e.Class == Unusable:
		return "check the base URL and the credentials of " + e.Vendor
	case e.Unknown:
		return "the change may have been made: check before repeating it"
	case e.remedy != "":
		return e.remedy
	case e.Class == Permanent:
		return "a retry will not help: correct the event or the vendor's data, then replay"
	default:
		return ""
	}
}

// Fail returns a permanent Error for a call that was not made. message gives the reason, in our
// words.
func Fail(vendor, op, message string) *Error {
	return &Error{Vendor: vendor, Op: op, Class: Permanent, Message: message}
}

// WithRemedy sets the Advice of the error, in place of the general one, and returns the error.
func (e *Error) WithRemedy(remedy string) *Error {
	e.remedy = remedy
	return e
}

// FailCourse is Fail for an id of a course that the vendor does not know.
func FailCourse(vendor, op, message string) *Error {
	return Fail(vendor, op, message).WithRemedy("correct the id under courses in the configuration, then replay")
}

// FailStaff returns the permanent Error for a change of an account of staff, with the remedy. why says
// by which fact the account is of staff.
func FailStaff(vendor, op, why string) *Error {
	return Fail(vendor, op, "staff is never changed: "+why).WithRemedy("take the role away at the vendor, or drop the dead letter")
}

// ClassOf returns the class of the Error in err, or Again if there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Again
}

// StatusOf returns the HTTP status of the Error in err, or 0 if there is none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// IsUnknown reports whether the failed change may have been made.
func IsUnknown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Unknown
}

// IsUnanswered reports whether the call was sent and got no response. The request may still
// arrive until the call's time is over.
func IsUnanswered(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Class == Again && e.Status == 0 && !errors.Is(err, ErrLate) && !neverSent(err)
}

// IsUnreadable reports whether the vendor answered with success and a response that cannot be
// understood.
func IsUnreadable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Unreadable
}

// IsGone reports whether the requested resource does not exist: 404, 410, or a response without an
// account, if Call.Control proved that the vendor shows other accounts.
func IsGone(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone || e.gone)
}

// IsRefused reports whether the vendor rejected the request itself, rather than the credentials
// or the rate.
func IsRefused(err error) bool {
	status := StatusOf(err)
	return status >= 400 && status < 500 && ClassOf(err) != Unusable && status != http.StatusTooManyRequests
}

// UnusableIfGone makes a missing list Unusable and returns err: the base URL must be wrong, not
// the event.
func UnusableIfGone(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && IsGone(err) {
		e.Class = Unusable
	}
	return err
}

// LogInRefused returns the error of a rejected log-in as Unusable, for every status: no call
// can succeed until a person corrects the configuration. The status moves into the message,
// because Error.Status belongs to the call after the log-in. Errors of class Again are returned
// unchanged.
func LogInRefused(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class == Again {
		return err
	}
	return &Error{Vendor: e.Vendor, Op: e.Op, Class: Unusable, Message: fmt.Sprintf("the log-in was rejected with status %d: %s", e.Status, e.Message)}
}
