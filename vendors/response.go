package vendors

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// read reads the response of a call and decides between success and an Error. The JSON is counted
// before the first value is made: see checkJSON.
func (c *Client) read(ctx context.Context, call Call, p prepared, res *http.Response) error {
	if res.StatusCode == http.StatusTooManyRequests {
		c.limiter.Penalize(retryAfter(res, time.Now()))
	} else {
		c.limiter.Answered()
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return c.responseError(call, p, res, readError(res))
	}
	body, free, err := c.readBody(ctx, res)
	defer free()
	if err != nil {
		return c.lost(call, res, withoutURL(err).Error())
	}
	body, err = trimBody(body)
	switch {
	case err != nil:
		return c.unreadable(call, res, err.Error())
	case c.isError(call, Response{res.StatusCode, res.Header, body}):
		return c.responseError(call, p, res, body)
	case isMarkup(body):
		return c.unreadable(call, res, "the response is HTML or XML, want JSON")
	case call.NoContent != nil && (len(body) == 0 || string(body) == "null"):
		*call.NoContent = true
		return nil
	case call.Control != nil && isNobody(body):
		return c.fail(call, &Error{Status: res.StatusCode, Unreadable: true, nobody: true, Message: "the response shows no account"})
	case call.Out == nil:
		return nil
	case len(body) == 0:
		return c.unreadable(call, res, "the response has no body, want JSON")
	}
	return c.decode(call, p, res, body)
}

// decode decodes the body of a successful response.
func (c *Client) decode(call Call, p prepared, res *http.Response, body []byte) error {
	if err := checkJSON(body, maxValues, itemLimit(call.Items)); err != nil {
		return c.unreadable(call, res, err.Error())
	}
	if err := decode(body, call.Out); err != nil {
		return c.unreadable(call, res, err.Error())
	}
	if out, ok := call.Out.(ErrorBody); ok && out.IsError() {
		e := c.responseError(call, p, res, body)
		e.Class = Permanent
		return e
	}
	return nil
}

// lost returns the Error of a successful response whose body did not arrive.
func (c *Client) lost(call Call, res *http.Response, message string) *Error {
	return c.fail(call, &Error{Status: res.StatusCode, Message: message, Unknown: !call.repeatable()})
}

// unreadable returns the Error of a successful response without a usable body.
func (c *Client) unreadable(call Call, res *http.Response, message string) *Error {
	e := c.lost(call, res, message)
	e.Unreadable = true
	return e
}

// ErrorBody is a Call.Out that can hold an error, although the status is 2xx. An error in the
// body is Permanent.
type ErrorBody interface{ IsError() bool }

// Response is a response of the vendor, for Call.Judge.
type Response struct {
	Status int
	Header http.Header
	Body   []byte // without blanks around; of an error, the first 64 KiB. Not to be kept
}

// isError reports whether the vendor's own classification calls the response a failure.
func (c *Client) isError(call Call, r Response) bool {
	_, failed := c.judge(call, r)
	return failed
}

// judge returns the class by the vendor's own classification, if there is one.
func (c *Client) judge(call Call, r Response) (Class, bool) {
	if call.Judge != nil {
		if class, ok := call.Judge(r); ok {
			return class, true
		}
	}
	if c.classify == nil {
		return Again, false
	}
	return c.classify(r.Status, r.Body)
}

// responseError returns the Error of a failed response.
func (c *Client) responseError(call Call, p prepared, res *http.Response, body []byte) *Error {
	e := &Error{Status: res.StatusCode, After: retryAfter(res, time.Now())}
	e.Class = classOfStatus(res.StatusCode)
	if class, ok := c.judge(call, Response{res.StatusCode, res.Header, body}); ok {
		e.Class = class
	}
	e.Unknown = !call.repeatable() && (res.StatusCode >= 500 || res.StatusCode == http.StatusRequestTimeout)
	secrets := append(credentialValues(res.Request.Header), c.secrets...)
	cut := append(requestValues(call.Query, call.Form, p.body), secrets...)
	e.Message = redact(errorMessage(body), cut, secrets)
	return c.fail(call, e)
}

// fail adds the vendor and the call to e.
func (c *Client) fail(call Call, e *Error) *Error {
	e.Vendor, e.Op = c.vendor, call.Op
	return e
}

// classOfStatus returns the class of a failed status (docs/design.md, section 6).
func classOfStatus(status int) Class {
	switch {
	case status >= 300 && status < 400, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Unusable
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return Again
	default:
		return Permanent
	}
}

// withoutURL removes the URL, which may contain an e-mail address or a token, from a network
// error.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	record, insecure := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case insecure && string(record.RecordHeader[:]) == "HTTP/":
		return http.ErrSchemeMismatch
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no response within the timeout")
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the connection was closed without a response (%w)", err)
	}
	return err
}

// classOfCause returns the class of a call without a response: Unusable if a setting of the
// connection cannot be used.
func classOfCause(err error) Class {
	if isBroken(err) {
		return Unusable
	}
	return Again
}

// neverSent reports whether the request certainly did not reach the vendor.
func neverSent(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	op, ok := errors.AsType[*net.OpError](err)
	return untrusted || isBroken(err) || (ok && (op.Op == "dial" || op.Op == proxyConnect))
}
