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
)

// Options is what every vendor client is made from, beside its credentials.
type Options struct {
	BaseURL string            // what stands before the documented paths, without a trailing slash
	Timeout time.Duration     // of one call, with its answer's body; 10 s where it is zero
	Rate    float64           // calls per second, over all callers, five seconds' worth at once; no limit where it is zero
	HTTP    http.RoundTripper // http.DefaultTransport's settings where it is nil
	Observe Observer          // told of every call that was sent; may be nil
	Limiter Limiter           // paces the calls instead of Rate; may be nil
	// SingleAttempt says that the caller repeats what fails: the client then makes each call once.
	SingleAttempt bool
}

// Limiter paces the calls of a vendor for several clients, such as by the kind of work.
type Limiter interface {
	// Wait waits until a call may begin. It returns an error if that is not before begin, or
	// if ctx ends; at once if the vendor asked for no call until then, unless the call is to
	// try whether that still holds.
	Wait(ctx context.Context, begin time.Time) error
	// Answered says that the vendor answered a call, other than with 429.
	Answered()
	// Penalize says that the vendor answered 429, and for how long it asked to wait.
	Penalize(retryAfter time.Duration)
	// Rest is the time for which the vendor asked for no call.
	Rest() time.Duration
	// Rate is the present rate in calls a second; limited is false if there is none.
	Rate() (perSecond float64, limited bool)
}

// Observer is told of a call once it has ended. ctx is that of the call.
type Observer func(ctx context.Context, s CallInfo)

// CallInfo is one call that was sent. It holds nothing that tells of a user.
type CallInfo struct {
	Op     string // what it does, such as "create user"
	Method string
	Host   string        // that it was sent to, with its port where it has one
	Status int           // of the answer; 0 where none came
	Class  string        // of its failure; "ok" where there was none
	Begun  time.Time     // when it was sent: its turn had come
	Took   time.Duration // until the answer was read
	Rate   float64       // calls a second that are made at most at this moment; 0: no limit
}

const (
	defaultTimeout = 10 * time.Second
	maxBody        = 8 << 20 // the most of an answer that is read
	quickTries     = 3       // of a call that may be repeated
	quickSpan      = 5 * time.Second
)

// Client makes the calls of one vendor: it authorizes them, keeps to the rate,
// cuts slow and huge answers, refuses redirects, and turns every failure into
// an Error. It is safe for use by many goroutines.
type Client struct {
	vendor   string
	base     string
	timeout  time.Duration
	limiter  Limiter
	single   bool
	http     *http.Client
	auth     Auth
	secrets  []string
	observer Observer
	classify func(status int, body []byte) (Class, bool)
}

// Check says what is wrong with the options, nil where nothing is.
func (o Options) Check() error {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return errors.New("the base URL is not an http or https address")
	}
	return nil
}

// NewClient returns a client for vendor. auth may be nil for an API without
// credentials; secrets are cut out of every error.
func NewClient(vendor string, o Options, auth Auth, secrets ...Secret) *Client {
	transport := o.HTTP
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConns, own.MaxIdleConnsPerHost = 0, 1024 // by default a hundred stay open in all, and the others are dialled again for each call
		transport = withWriteDeadline(own)
	}
	c := &Client{
		vendor:   vendor,
		base:     strings.TrimRight(o.BaseURL, "/"),
		timeout:  cmp.Or(o.Timeout, defaultTimeout),
		limiter:  o.Limiter,
		single:   o.SingleAttempt,
		auth:     auth,
		observer: o.Observe,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
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

// Judge sets a vendor's own reading of an answer. It returns false for what it
// leaves to the common table. It is asked of answers with 2xx too: true makes
// these a failure.
func (c *Client) ClassifyResponse(status func(status int, body []byte) (Class, bool)) {
	c.classify = status
}

// Timeout is how long one call may take.
func (c *Client) Timeout() time.Duration { return c.timeout }

// Call is one documented call of a vendor's API.
type Call struct {
	Op     string // what it does, for errors: "create user"
	Method string
	Path   string // below the base URL, each part escaped
	Query  url.Values
	Header http.Header // beside the credentials; may be nil
	JSON   any         // the body, or
	Form   url.Values  // the body as application/x-www-form-urlencoded
	// Repeatable says that making the call twice does what making it once does.
	// GET is repeatable unless Once is set.
	Repeatable bool
	// Deduplicated says that the vendor drops a repeat, however late it lands.
	Deduplicated bool
	// Once marks a GET that changes something: it is never repeated.
	Once bool
	// NoAuth leaves the credentials out, as for a log-in.
	NoAuth bool
	// Out receives the JSON of the answer; nil ignores the body.
	Out any
}

func (c Call) repeatable() bool {
	return c.Repeatable || (c.Method == http.MethodGet && !c.Once)
}

// mayLand tells whether a call that is not answered may change something later.
func (c Call) mayArriveLater() bool {
	return c.Method != http.MethodGet && !c.Deduplicated && !c.NoAuth
}

// Do makes the call. A call that may be repeated is tried up to three times
// within five seconds where the network or the vendor fails it, unless Options.SingleAttempt
// is set; every other call is made once. So is a change that was sent and not answered: it may land
// until its time is over, and behind a newer change, were it repeated and done
// before that. A 401 renews the credentials and makes the call again, once.
// A call that could not end before ctx's deadline is not begun (ErrLate).
func (c *Client) Do(ctx context.Context, call Call) error {
	if !call.repeatable() || c.single {
		return c.try(ctx, call)
	}
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(quickSpan),
	)
	try := func() error {
		err := c.try(ctx, call)
		if e, ok := errors.AsType[*Error](err); ok && (e.Class != Again || e.After > 0 || errors.Is(err, ErrLate) || (call.mayArriveLater() && IsUnanswered(err))) {
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
		if !refused || renewed || call.NoAuth || c.auth == nil || !c.auth.Refused(sent) {
			return err
		}
	}
}

// prepared is a call with its body written out, so that it can be sent again.
type prepared struct {
	url         string
	body        []byte
	contentType string
}

func (c *Client) prepare(call Call) (prepared, error) {
	p := prepared{url: c.base + call.Path}
	if len(call.Query) > 0 {
		p.url += "?" + call.Query.Encode()
	}
	switch {
	case call.JSON != nil:
		body, err := json.Marshal(call.JSON)
		if err != nil {
			return p, errors.New("the request cannot be written as JSON")
		}
		p.body, p.contentType = body, "application/json"
	case call.Form != nil:
		p.body, p.contentType = []byte(call.Form.Encode()), "application/x-www-form-urlencoded"
	}
	return p, nil
}

// send makes one HTTP request and returns the headers it was sent with, nil
// where it was not sent. A log-in comes before it and has a time of its own.
func (c *Client) send(ctx context.Context, call Call, p prepared) (http.Header, error) {
	header := http.Header{}
	if err := c.setHeaders(ctx, call, p, header); err != nil {
		return nil, err
	}
	begin := c.latestStart(ctx)
	if late := c.wait(ctx, begin); late != nil {
		return nil, c.fail(call, late)
	}
	ctx, cancel := context.WithTimeout(writeDeadline(ctx, begin), c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, call.Method, p.url, bytes.NewReader(p.body))
	if err != nil {
		return nil, c.fail(call, &Error{Class: Unusable, Message: "the base URL is not a URL"})
	}
	req.Header = header
	if call.Once {
		// net/http sends a GET anew where a connection that was used before ends, but
		// none whose body cannot be had anew.
		req.Body, req.GetBody = io.NopCloser(bytes.NewReader(nil)), nil
	}
	seen := CallInfo{Op: call.Op, Method: call.Method, Host: req.URL.Host, Begun: time.Now()}
	res, err := c.http.Do(req)
	if errors.Is(err, ErrLate) {
		return nil, c.fail(call, &Error{Err: ErrLate})
	}
	if err != nil {
		err = c.fail(call, &Error{Err: withoutURL(err), Unknown: !call.repeatable() && !neverSent(err)})
	} else {
		defer res.Body.Close()
		seen.Status = res.StatusCode
		err = c.read(call, p, res)
	}
	c.observe(ctx, seen, err)
	return req.Header, err
}

// wait takes the caller's turn. It returns an Error with ErrLate for a call that could not
// begin before begin; with After, if the vendor asked for it.
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

// tell tells of a call that was sent.
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

// begin is the last moment at which a call may begin that must end before ctx does.
func (c *Client) latestStart(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Now().Add(c.timeout)
	}
	return deadline.Add(-c.timeout)
}

// Rate is how many calls a second are made at most, at this moment: the
// configured rate, or less after a 429. It is infinite where there is no limit.
func (c *Client) Rate() float64 {
	if perSecond, limited := c.limiter.Rate(); limited {
		return perSecond
	}
	return math.Inf(1)
}

func (c *Client) setHeaders(ctx context.Context, call Call, p prepared, h http.Header) error {
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "usher")
	if p.contentType != "" {
		h.Set("Content-Type", p.contentType)
	}
	for name, values := range call.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if call.NoAuth || c.auth == nil {
		return nil
	}
	return c.auth.Authorize(ctx, h)
}
