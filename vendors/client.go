package vendors

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/usherhq/usher/bounded"
)

// Options configures a Client, except for the credentials.
type Options struct {
	BaseURL    string            // the URL before the documented paths, without a trailing slash
	Timeout    time.Duration     // of one call, with the response body; default 10 s
	Rate       float64           // calls per second of all callers, in bursts of up to five seconds; default no limit
	Connection                   // how to connect, without HTTP
	HTTP       http.RoundTripper // default: a copy of http.DefaultTransport with the settings of Connection
	Observe    Observer          // called after each call that was sent; may be nil
	Limiter    Limiter           // limits the calls instead of Rate; may be nil
	// ReadOnly refuses every call that may change something, with ErrReadOnly: every call with
	// another method than GET, and every Call with Once, but for a log-in.
	ReadOnly bool
	// Refused is called with each call that ReadOnly refuses; may be nil.
	Refused func(Request)
	// SingleAttempt turns retries off, for callers with retries of their own, except for
	// Call.Further.
	SingleAttempt bool
}

// Limiter limits the rate of a vendor's calls. Several clients can share a limiter, for example
// one client per kind of work.
type Limiter interface {
	// Wait blocks until a call may begin. Wait returns an error if ctx ends, or if no call may
	// begin before begin. During a pause that the vendor asked for, Wait returns the error at
	// once, except for a call that probes whether the pause is over.
	Wait(ctx context.Context, begin time.Time) error
	// Answered reports a response of the vendor other than 429.
	Answered()
	// Penalize reports a 429 and the delay that the vendor asks for, 0 if there was none.
	Penalize(retryAfter time.Duration)
	// Rest returns the remaining time of a pause that the vendor asked for.
	Rest() time.Duration
	// Rate returns the present rate in calls per second. limited is false if there is no limit.
	Rate() (perSecond float64, limited bool)
}

// Observer is called at the end of each call, with the context of the call.
type Observer func(ctx context.Context, s CallInfo)

// CallInfo describes one call that was sent, without any data about a user.
type CallInfo struct {
	Op     string // the operation, such as "create user"
	Method string
	Host   string        // of the URL, with the port if any
	Status int           // of the response; 0 if there was none
	Class  string        // class of the failure, or "ok"
	Begun  time.Time     // time of sending, after the limiter
	Took   time.Duration // from sending to the end of the response
	Rate   float64       // present limit in calls per second; 0: no limit
}

const (
	defaultTimeout = 10 * time.Second
	quickTries     = 3 // attempts of a repeatable call
	quickSpan      = 5 * time.Second
	maxHeader      = 64 << 10 // bytes of the header of a response
)

// Client makes the calls of one vendor: adds credentials, limits the rate, bounds time and size
// of responses, rejects redirects, and returns every failure as an *Error. A Client is safe for
// concurrent use.
type Client struct {
	vendor   string
	base     string
	timeout  time.Duration
	limiter  Limiter
	single   bool
	readOnly bool
	refused  func(Request)
	http     http.RoundTripper // follows no redirect
	auth     Auth
	secrets  []string
	observer Observer
	bodies   bounded.Room // for large bodies of this client
	first    bounded.Room // the part of bodies that no other client can take
	classify func(status int, body []byte) (Class, bool)
}

// Check returns an error if the base URL is not an http or https URL.
func (o Options) Check() error {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return errors.New("the base URL is not an http or https URL")
	}
	return nil
}

// NewClient returns a client for vendor. auth may be nil for an API without credentials.
// secrets are removed from the texts of all errors.
func NewClient(vendor string, o Options, auth Auth, secrets ...Secret) *Client {
	transport := o.HTTP
	if transport == nil {
		var err error
		if transport, err = o.transport(); err != nil {
			transport = brokenTransport{err}
		}
	}
	c := &Client{
		vendor:   vendor,
		base:     strings.TrimRight(o.BaseURL, "/"),
		timeout:  cmp.Or(o.Timeout, defaultTimeout),
		limiter:  o.Limiter,
		single:   o.SingleAttempt,
		readOnly: o.ReadOnly,
		refused:  o.Refused,
		auth:     auth,
		observer: o.Observe,
		bodies:   bounded.NewRoom(clientBudget / maxBody),
		first:    bounded.NewRoom(1),
		http:     transport,
	}
	if c.limiter == nil {
		c.limiter = newAdaptiveLimiter(o.Rate)
	}
	for _, s := range secrets {
		if s != "" {
			c.secrets = append(c.secrets, s.Reveal())
		}
	}
	return c
}

// ClassifyResponse sets a vendor's own classification of responses. The function returns false
// to leave a response to the common table. The function sees 2xx responses too: true makes a
// 2xx response a failure.
func (c *Client) ClassifyResponse(status func(status int, body []byte) (Class, bool)) {
	c.classify = status
}

// Timeout returns the time limit of one call.
func (c *Client) Timeout() time.Duration { return c.timeout }

// Do makes the call and returns an *Error for every failure.
//
// Up to three attempts are made within five seconds for a repeatable call that fails with class
// Again, unless Options.SingleAttempt is set without Call.Further. Any other call has one attempt. A timed-out write
// has one attempt too: the first request may still arrive after a retry and overwrite a newer
// change. A 401 renews the credentials and repeats the call once; a second 401
// is ErrTokenRefused. A call that could not end
// before the deadline of ctx is not begun: the Error wraps ErrLate.
func (c *Client) Do(ctx context.Context, call Call) error {
	err := c.do(ctx, call)
	if e, ok := errors.AsType[*Error](err); ok && e.nobody && call.Control(ctx) == nil {
		e.Class, e.Unreadable, e.gone = Permanent, false, true
	}
	return err
}

// do makes the call, without Call.Control.
func (c *Client) do(ctx context.Context, call Call) error {
	if c.readOnly && call.changes() {
		return c.refuse(call)
	}
	if !call.repeatable() || (c.single && !call.Further) {
		return c.try(ctx, call)
	}
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(quickSpan),
	)
	try := func() error {
		err := c.try(ctx, call)
		if e, ok := errors.AsType[*Error](err); ok && (e.Class != Again || e.Unreadable || e.After > 0 || errors.Is(err, ErrLate) || (call.mayArriveLater() && IsUnanswered(err))) {
			return backoff.Permanent(err)
		}
		return err
	}
	return backoff.Retry(try, backoff.WithContext(backoff.WithMaxRetries(schedule, quickTries-1), ctx))
}

// try makes the call, and once more where the credentials were refused and can be renewed.
func (c *Client) try(ctx context.Context, call Call) error {
	request, err := c.prepare(call)
	if err != nil {
		return c.fail(call, &Error{Class: Permanent, Err: err})
	}
	for renewed := false; ; renewed = true {
		sent, err := c.send(ctx, call, request)
		refused := sent != nil && StatusOf(err) == http.StatusUnauthorized // not by the log-in
		if e, ok := errors.AsType[*Error](err); ok && refused && renewed {
			e.Err = ErrTokenRefused
			return e
		}
		if !refused || call.NoAuth || c.auth == nil || !c.auth.Refused(sent) {
			return err
		}
	}
}

// prepared is a call with an encoded body, ready to be sent several times.
type prepared struct {
	url         string
	body        []byte
	contentType string
}

// prepare encodes the body of a call.
func (c *Client) prepare(call Call) (prepared, error) {
	p := prepared{url: c.base + call.Path}
	if err := errors.Join(checkPath(call.Path), checkHeader(call.Header)); err != nil {
		return p, err
	}
	if len(call.Query) > 0 {
		p.url += "?" + call.Query.Encode()
	}
	switch {
	case call.JSON != nil:
		body, err := json.Marshal(call.JSON)
		if err != nil {
			return p, errors.New("the request has no JSON form")
		}
		p.body, p.contentType = body, "application/json"
	case call.Form != nil:
		p.body, p.contentType = []byte(call.Form.Encode()), "application/x-www-form-urlencoded"
	}
	return p, nil
}

// send makes one HTTP request and returns the headers of the request, or nil if the request was
// not sent. A log-in comes first, with a time limit of its own.
func (c *Client) send(ctx context.Context, call Call, p prepared) (http.Header, error) {
	header := http.Header{}
	if err := c.setHeaders(ctx, call, p, header); err != nil {
		return nil, err
	}
	begin := c.latestStart(ctx)
	if err := c.wait(ctx, begin); err != nil {
		return nil, c.fail(call, err)
	}
	ctx, late := writeDeadline(ctx, begin)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, call.Method, p.url, bytes.NewReader(p.body))
	if err != nil {
		return nil, c.fail(call, &Error{Class: Unusable, Message: "the base URL is not a URL"})
	}
	req.Header = header
	if u := req.URL.User; u != nil && header.Get("Authorization") == "" {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
	if call.Once {
		// net/http repeats a GET if a reused connection breaks, unless the request has a body
		// without GetBody.
		req.Body, req.GetBody = io.NopCloser(bytes.NewReader(nil)), nil
	}
	seen := CallInfo{Op: call.Op, Method: call.Method, Host: req.URL.Host, Begun: time.Now()}
	res, err := c.http.RoundTrip(req)
	if err != nil && late() {
		return nil, c.fail(call, &Error{Err: ErrLate})
	}
	if err != nil {
		err = c.fail(call, &Error{Class: classOfCause(err), Err: withoutURL(err), Unknown: !call.repeatable() && !neverSent(err)})
	} else {
		defer res.Body.Close()
		seen.Status = res.StatusCode
		err = c.read(ctx, call, p, res)
	}
	c.observe(ctx, seen, err)
	return req.Header, err
}

// wait waits for the limiter. An Error with ErrLate means that the call could not begin before
// begin; After is set if the vendor asked for a pause.
func (c *Client) wait(ctx context.Context, begin time.Time) *Error {
	if c.limiter.Wait(ctx, begin) == nil {
		return nil
	}
	late := &Error{Err: ErrLate}
	if rest := c.limiter.Rest(); rest > time.Until(begin) {
		late.After = rest
	}
	return late
}

// observe reports a call that was sent to the observer.
func (c *Client) observe(ctx context.Context, s CallInfo, err error) {
	if c.observer == nil {
		return
	}
	s.Class, s.Took = "ok", time.Since(s.Begun)
	if err != nil {
		s.Class = ClassOf(err).String()
	}
	if perSecond, limited := c.limiter.Rate(); limited {
		s.Rate = perSecond
	}
	c.observer(ctx, s)
}

// latestStart returns the latest time at which a call can begin and still end before ctx.
func (c *Client) latestStart(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Now().Add(c.timeout)
	}
	return deadline.Add(-c.timeout)
}

// Rate returns the present limit in calls per second: the configured rate, or less after a 429.
// Without a limit the result is +Inf.
func (c *Client) Rate() float64 {
	if perSecond, limited := c.limiter.Rate(); limited {
		return perSecond
	}
	return math.Inf(1)
}

// setHeaders sets the headers of a request, with the credentials.
func (c *Client) setHeaders(ctx context.Context, call Call, p prepared, h http.Header) error {
	values := []string{"application/json", "usher", p.contentType}
	h["Accept"], h["User-Agent"] = values[:1:1], values[1:2:2]
	if p.contentType != "" {
		h["Content-Type"] = values[2:]
	}
	for name, values := range call.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if call.NoAuth || c.auth == nil {
		return nil
	}
	if err := c.auth.Authorize(ctx, h); err != nil {
		return err
	}
	if err := checkHeader(h); err != nil {
		return c.fail(call, &Error{Class: Unusable, Err: err})
	}
	return nil
}
