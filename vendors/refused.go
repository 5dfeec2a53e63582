package vendors

import "net/url"

// Request is a call that a client with Options.ReadOnly has refused: the request that the vendor
// would have got, without the credentials.
type Request struct {
	Op          string // the operation, such as "create user"
	Method      string
	Path        string // below the base URL, escaped
	Query       url.Values
	ContentType string // of Body
	Body        []byte // nil: none
}

// refuse reports a call that may change something to Options.Refused, and returns ErrReadOnly.
func (c *Client) refuse(call Call) error {
	p, err := c.prepare(call)
	if err != nil {
		return c.fail(call, &Error{Class: Permanent, Err: err})
	}
	if c.refused != nil {
		c.refused(Request{Op: call.Op, Method: call.Method, Path: call.Path, Query: call.Query, ContentType: p.contentType, Body: p.body})
	}
	return c.fail(call, &Error{Class: Permanent, Err: ErrReadOnly})
}
