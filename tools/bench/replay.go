package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const timeLayout = "2006-01-02T15:04:05"

// The placeholders of a recording, in the order of values.
var placeholders = []string{"{user}", "{event}", "{sent}", "{time}", "{date}", "{hash}", "{0}", "{1}"}

var placeholder = regexp.MustCompile(`\{(user|event|sent|time|date|hash|0|1)\}`)

// values are what the placeholders stand for at one event.
type values [firstAccount + maxIDs]string

const (
	firstAccount = 6 // the place of {0}
	maxIDs       = 2 // of a user at a vendor
)

// template is a text with placeholders: literal texts, and between them places in
// values.
type template struct {
	literals []string
	places   []int
}

func newTemplate(text string) (t template) {
	t.literals = placeholder.Split(text, -1)
	for _, name := range placeholder.FindAllString(text, -1) {
		t.places = append(t.places, slices.Index(placeholders, name))
	}
	return t
}

func (t template) fill(v *values) string {
	if len(t.places) == 0 {
		return t.literals[0]
	}
	var b strings.Builder
	for i, place := range t.places {
		b.WriteString(t.literals[i])
		b.WriteString(v[place])
	}
	b.WriteString(t.literals[len(t.places)])
	return b.String()
}

// replay makes recorded calls of one vendor.
type replay struct {
	host   string
	client *http.Client
	once   []replayCall
	steps  [][]replayCall

	mu       sync.Mutex
	accounts map[string][]string // ids by user
}

type replayCall struct {
	call
	url, body template
	header    map[string]template
}

func newReplay(r recording, host string, connections int) *replay {
	out := &replay{host: "http://" + host, once: prepare(r.Once), accounts: map[string][]string{}, client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections, DisableCompression: true},
	}}
	for _, calls := range r.Steps {
		out.steps = append(out.steps, prepare(calls))
	}
	return out
}

func prepare(calls []call) (out []replayCall) {
	for _, c := range calls {
		p := replayCall{call: c, url: newTemplate(c.URL), body: newTemplate(c.Body), header: map[string]template{}}
		for name, value := range c.Header {
			p.header[name] = newTemplate(value)
		}
		out = append(out, p)
	}
	return out
}

// step makes the calls for an event. The events of a user come one by one.
func (r *replay) step(ctx context.Context, step int, v *values) error {
	user := v[0]
	r.mu.Lock()
	ids := r.accounts[user]
	r.mu.Unlock()
	known := copy(v[firstAccount:], ids)
	for _, c := range r.steps[step] {
		id, err := r.do(ctx, c, v)
		if err != nil {
			return err
		}
		if c.TakesID {
			v[firstAccount+known] = id
			known++
		}
	}
	if known == len(ids) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accounts[user] = slices.Clone(v[firstAccount : firstAccount+known])
	return nil
}

// do makes a call, and returns the first id of the answer, if the call takes one.
// The answer is read to its end, so that the connection is used again.
func (r *replay) do(ctx context.Context, c replayCall, v *values) (id string, err error) {
	url := c.url.fill(v)
	request, err := http.NewRequestWithContext(ctx, c.Method, r.host+url, strings.NewReader(c.body.fill(v)))
	if err != nil {
		return "", err
	}
	for name, value := range c.header {
		request.Header[name] = []string{value.fill(v)}
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != c.Status {
		err = fmt.Errorf("%s %s: status %d, recorded was %d", c.Method, url, answer.StatusCode, c.Status)
	}
	if c.TakesID {
		id = firstID(string(text))
	}
	return id, err
}
