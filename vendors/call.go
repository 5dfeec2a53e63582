package vendors

import (
	"context"
	"net/http"
	"net/url"
)

// Call is one documented call of a vendor's API.
type Call struct {
	Op     string // names the call in errors, such as "create user"
	Method string
	Path   string // below the base URL, with each segment escaped
	Query  url.Values
	Header http.Header // in addition to the credentials; may be nil
	JSON   any         // the body as JSON, or nil
	Form   url.Values  // the body as application/x-www-form-urlencoded, or nil
	// Repeatable marks a call that has the same effect when made twice. GET is repeatable
	// unless Once is set.
	Repeatable bool
	// Further marks the read of a further page of a list. The call is repeated even with
	// Options.SingleAttempt: the caller would have to begin at the first page again.
	Further bool
	// Deduplicated marks a call whose repeats the vendor drops, however late they arrive.
	Deduplicated bool
	// Once marks a GET that changes something and must never be repeated.
	Once bool
	// NoAuth sends the call without credentials, as for a log-in.
	NoAuth bool
	// Items is the requested number of list items; 0 if unknown. A response with far more items is
	// an error.
	Items int
	// NoContent marks a change with the status as the whole answer: a response without a body, or
	// with null, is success too, and sets the flag. Out is then unchanged.
	NoContent *bool
	// Control makes a look-up of one account accept a response without an account, such as null or
	// {"user":null}, as "no such account" (IsGone). Control looks up an account that exists, and
	// returns an error unless the vendor shows the account: an empty response to every look-up
	// means a fault of the vendor.
	Control func(ctx context.Context) error
	// Reads marks a call that changes nothing although the method is not GET, such as a search by
	// POST. The call is repeatable.
	Reads bool
	// Judge classifies the response before Client.ClassifyResponse, with the header; may be nil.
	// Judge sees each attempt. The result false leaves the response to the others.
	Judge func(Response) (Class, bool)
	// Out receives the JSON of the response. nil ignores the body, except for HTML, which is an
	// error page.
	Out any
}

func (c Call) repeatable() bool {
	return c.Repeatable || c.Reads || (c.Method == http.MethodGet && !c.Once)
}

// changes reports whether a call may change something. A log-in changes nothing.
func (c Call) changes() bool {
	return !c.NoAuth && !c.Reads && (c.Method != http.MethodGet || c.Once)
}

// mayArriveLater reports whether a call without a response may still change something later.
func (c Call) mayArriveLater() bool {
	return c.Method != http.MethodGet && !c.Deduplicated && !c.NoAuth && !c.Reads
}
