package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// caller makes the bare loop's calls: the same ones, in the same order, as
// Usher's adapters make for the same events.
type caller struct {
	host   string
	client *http.Client
	token  string // of LEAD

	mu       sync.Mutex
	accounts map[string]*account // by our user id
}

// account is what a vendor said of a user.
type account struct {
	id, subscription int
	courses          []int
}

func newCaller(host string, connections int) *caller {
	return &caller{
		host: "http://" + host, accounts: map[string]*account{},
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			MaxIdleConns: connections, MaxIdleConnsPerHost: connections, DisableCompression: true,
		}},
	}
}

// login gets what calls of a vendor need.
func (c *caller) login(ctx context.Context, vendor string) error {
	if vendor != "lead" {
		return nil
	}
	var out struct {
		Token string `json:"access_token"`
	}
	err := c.do(ctx, request{method: http.MethodPost, path: "/lead/api/login", form: url.Values{
		"email": {sandbox.LeadEmail}, "password": {sandbox.LeadPassword},
	}, out: &out})
	c.token = "Bearer " + out.Token
	return err
}

// call does what the event asks of the vendor.
func (c *caller) call(ctx context.Context, vendor string, e *bareEvent) error {
	switch vendor {
	case "miestro":
		return c.miestro(ctx, e)
	case "meiro":
		return c.meiro(ctx, e)
	case "lead":
		return c.lead(ctx, e)
	case "magloft":
		return c.magloft(ctx, e)
	default:
		return c.usermost(ctx, e)
	}
}

// request is one call.
type request struct {
	method, path string
	header       [2]string // one name and value
	json         any
	form         url.Values
	out          any  // what the answer is read into; may be nil
	absent       bool // whether 404 is an answer
}

// do makes a call, and reads its answer to the end, so that the connection is
// used again.
func (c *caller) do(ctx context.Context, r request) error {
	var body []byte
	kind := "application/json"
	switch {
	case r.form != nil:
		body, kind = []byte(r.form.Encode()), "application/x-www-form-urlencoded"
	case r.json != nil:
		var err error
		if body, err = json.Marshal(r.json); err != nil {
			return err
		}
	}
	call, err := http.NewRequestWithContext(ctx, r.method, c.host+r.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		call.Header.Set("Content-Type", kind)
	}
	c.dress(call, r)
	answer, err := c.client.Do(call)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case r.absent && answer.StatusCode == http.StatusNotFound:
		return nil
	case answer.StatusCode > 299:
		return fmt.Errorf("%s %s: status %d", r.method, r.path, answer.StatusCode)
	case r.out != nil:
		return json.Unmarshal(text, r.out)
	}
	return nil
}

// dress adds the vendor's credentials.
func (c *caller) dress(call *http.Request, r request) {
	switch vendor, _, _ := strings.Cut(r.path[1:], "/"); vendor {
	case "miestro":
		call.Header.Set("X-Forward-Api-Key", sandbox.MiestroAPIKey)
		call.Header.Set("X-Forward-Api-Secret", sandbox.MiestroAPISecret)
	case "lead":
		call.Header.Set("Authorization", c.token)
	case "magloft":
		call.Header.Set("X-Magloft-Accesstoken", sandbox.MagLoftAccessToken)
	case "usermost":
		call.Header.Set("Authorization", "Bearer "+sandbox.UsermostAPIKey)
	}
	if r.header[0] != "" {
		call.Header.Set(r.header[0], r.header[1])
	}
}

// all makes calls one after the other.
func (c *caller) all(ctx context.Context, list ...request) error {
	for _, r := range list {
		if err := c.do(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// of is what is known of the event's user; one user's events come one by one.
func (c *caller) of(e *bareEvent) *account {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accounts[e.Data.UserID] == nil {
		c.accounts[e.Data.UserID] = &account{}
	}
	return c.accounts[e.Data.UserID]
}

// gone forgets the event's user.
func (c *caller) gone(e *bareEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.accounts, e.Data.UserID)
}

// usermostID is what Usermost knows a repeat by: hex, made from the event's id.
func usermostID(e *bareEvent) string { return fmt.Sprintf("%032x", e.ID) }

func (c *caller) usermost(ctx context.Context, e *bareEvent) error {
	const base = "/usermost/v1/accounts/" + sandbox.UsermostLicenseCode
	event := func(name string, at time.Time, data any) error {
		return c.do(ctx, request{method: http.MethodPost, path: base + "/events", header: [2]string{"X-Request-Id", usermostID(e)}, json: map[string]any{
			"userId": e.Data.UserID, "eventName": name, "eventTime": at.Format("2006-01-02T15:04:05-0700"), "eventData": data,
		}})
	}
	switch e.Type {
	case events.UserCreated:
		return c.do(ctx, request{method: http.MethodPost, path: base + "/users", header: [2]string{"X-Request-Id", usermostID(e)}, json: map[string]string{
			"userId": e.Data.UserID, "firstName": e.Data.FirstName, "lastName": e.Data.LastName, "email": e.Data.Email,
		}})
	case events.EnrollmentRequested:
		return event("enrollment_requested", e.Time, map[string]string{"course_id": e.Data.CourseID})
	case events.ActivityTracked:
		return event(e.Data.Name, e.Data.OccurredAt, e.Data.Properties)
	default: // it has no call that deletes
		return nil
	}
}

func (c *caller) meiro(ctx context.Context, e *bareEvent) error {
	name, at := strings.ReplaceAll(e.Type, ".", "_"), e.Time
	payload := map[string]any{"origin": e.ID}
	who := map[string]string{"user_id": e.Data.UserID}
	switch e.Type {
	case events.UserCreated:
		who["email"] = e.Data.Email
		payload["first_name"], payload["last_name"] = e.Data.FirstName, e.Data.LastName
	case events.EnrollmentRequested:
		payload["course_id"] = e.Data.CourseID
	case events.ActivityTracked:
		name, at = e.Data.Name, e.Data.OccurredAt
		payload["properties"] = e.Data.Properties
	}
	return c.do(ctx, request{method: http.MethodPost, path: sandbox.MeiroCollectPath, json: map[string]any{
		"event_type": name, "event_time": at.UTC().Format("2006-01-02T15:04:05.000Z"), "identifiers": who, "event_payload": payload,
	}})
}

// theirs is the vendor's own number of the event's course.
func theirs(vendor string, e *bareEvent) int {
	n, _ := strconv.Atoi(courses[e.Data.CourseID][vendor]) // our own list: numbers all
	return n
}
