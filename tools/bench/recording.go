package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/process"
)

// call is a recorded vendor call of usher. Placeholders such as ${user} replace the values that
// differ between events.
type call struct {
	Vendor  string            `json:"vendor"`
	Step    int               `json:"step"` // of the user's life; before for calls made once, such as a log-in
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Header  map[string]string `json:"header"`
	Body    string            `json:"body"`
	Status  int               `json:"status"`   // of the answer
	TakesID bool              `json:"takes_id"` // the first id in the answer becomes the next of ${0}, ${1}, …

	answer string
}

// before is the step of calls before the first event.
const before = -1

// record runs usher for three users, one after the other, and returns the calls for a user. The
// first user is only created: usher logs in, and no later account has the id of the first
// subscription.
func (c Config) record(ctx context.Context, load Load) (calls []call, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &env{config: c, plan: Plan{Load: load, Concurrency: 1}, contestant: Contestant{Kind: Usher}, dir: dir}
	defer s.close()
	vendors, err := NewFakeVendors(0, load.Lifecycle)
	if err != nil {
		return nil, err
	}
	r := &recorder{vendors: vendors}
	server := httptest.NewServer(r)
	defer server.Close()
	s.vendorAddr = strings.TrimPrefix(server.URL, "http://")
	if err := s.startNATS(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(s.makeStreams(ctx), s.startWorkers(ctx)); err != nil {
		return nil, err
	}
	for user := range r.calls {
		for step := range load.life() {
			if user == 0 && step > 0 {
				break
			}
			if err := s.recordEvent(ctx, r, user, step); err != nil {
				return nil, fmt.Errorf("record usher's calls for user %d, step %d: %w", user, step, err)
			}
		}
	}
	return compare(r.calls)
}

// recordEvent publishes one event and waits for the results.
func (s *env) recordEvent(ctx context.Context, r *recorder, user, step int) error {
	// No other text in a call contains the numbers.
	number, id := 9_182_730+10*user+step, 7_463_527+user
	now := time.Now()
	r.expect(user, step, placeholders(number, id, now))
	e, err := s.plan.Load.write(number, id, step, now)
	if err != nil {
		return err
	}
	had, err := s.stored(ctx)
	if err != nil {
		return err
	}
	if err := s.send(e, now); err != nil {
		return err
	}
	want := had + uint64(len(s.plan.Load.takersAt(step)))
	done := process.Wait{For: fmt.Sprintf("event %d has its results", step), Needs: s.processes()}
	return done.Until(ctx, func() bool {
		have, err := s.stored(ctx)
		return err == nil && have >= want
	})
}

// hash matches an id that usher derives from the event's id, for deduplication by vendors.
var hash = regexp.MustCompile(`\b[0-9a-f]{32}\b`)

// placeholders returns a function that replaces an event's values by placeholders.
func placeholders(number, user int, sent time.Time) func(string) string {
	at := scenario.Start.Add(time.Duration(number) * time.Second)
	values := strings.NewReplacer(
		strconv.FormatInt(sent.UnixNano(), 10), "${sent}", at.Format(timeLayout), "${time}", at.Format(time.DateOnly), "${date}",
		strconv.Itoa(user), "${user}", strconv.Itoa(number), "${event}",
	)
	return func(text string) string { return values.Replace(hash.ReplaceAllString(text, "$${hash}")) }
}

// recorder is a proxy that records calls.
type recorder struct {
	vendors http.Handler

	mu      sync.Mutex
	user    int
	step    int
	replace func(string) string
	calls   [3][]call // by user
}

// expect sets the event of the next calls.
func (r *recorder) expect(user, step int, replace func(string) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.user = user
	r.step = step
	r.replace = replace
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, "read body", http.StatusBadRequest)
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	r.vendors.ServeHTTP(answer, request)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.replace == nil { // a call at the start of usher
		return
	}
	c := call{
		Step: r.step, Method: request.Method, URL: r.replace(request.URL.String()), Header: map[string]string{},
		Body: r.replace(string(body)), Status: answer.Code, answer: answer.Body.String(),
	}
	c.Vendor, _, _ = strings.Cut(c.URL[1:], "/")
	for name, values := range request.Header {
		if !slices.Contains([]string{"Accept-Encoding", "Content-Length", "User-Agent"}, name) { // set by the HTTP client
			c.Header[name] = r.replace(values[0])
		}
	}
	r.calls[r.user] = append(r.calls[r.user], c)
}

// compare returns the calls for the third user and the additional calls for the first user. A
// placeholder replaces each number that is an id, found by comparison with the second user.
func compare(users [3][]call) ([]call, error) {
	var calls []call
	for _, list := range users { // calls of several vendors interleave
		slices.SortStableFunc(list, func(a, b call) int { return cmp.Compare(a.Vendor, b.Vendor) })
	}
	second, third := users[1], users[2]
	if len(second) != len(third) {
		return nil, fmt.Errorf("usher makes %d calls for one user and %d for another", len(second), len(third))
	}
	for _, c := range users[0] {
		if !slices.ContainsFunc(third, func(o call) bool { return o.Method == c.Method && o.URL == c.URL }) {
			c.Step = before
			calls = append(calls, c)
		}
	}
	ids := map[string][][2]string{} // pairs of both users, by vendor
	for i, was := range second {
		c := third[i]
		c.URL = withIDs(was.URL, c.URL, ids[c.Vendor])
		c.Body = withIDs(was.Body, c.Body, ids[c.Vendor])
		pair := [2]string{firstID(was.answer), firstID(c.answer)}
		if c.Method == http.MethodPost && pair[0] != pair[1] && !slices.Contains(ids[c.Vendor], pair) {
			c.TakesID = true
			ids[c.Vendor] = append(ids[c.Vendor], pair)
		}
		calls = append(calls, c)
	}
	return calls, nil
}

var numbers = regexp.MustCompile(`\d+|\D+`)

// withIDs returns b with a placeholder for each number that forms a pair of ids with the number in a.
func withIDs(a, b string, ids [][2]string) string {
	from, to := numbers.FindAllString(a, -1), numbers.FindAllString(b, -1)
	for i := range to {
		if len(from) != len(to) {
			return b // a random password
		}
		if n := slices.Index(ids, [2]string{from[i], to[i]}); n >= 0 {
			to[i] = fmt.Sprintf("${%d}", n)
		}
	}
	return strings.Join(to, "")
}

// firstID returns the number behind the first "id" in a JSON text, or an empty string.
func firstID(text string) string {
	_, rest, _ := strings.Cut(text, `"id":`)
	return rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
}
