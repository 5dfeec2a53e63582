package bench

import (
	"bytes"
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

// call is a vendor call that usher made for a user. Its texts have placeholders for
// all that differs from event to event.
type call struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Header  map[string]string `json:"header"`
	Body    string            `json:"body"`
	Status  int               `json:"status"`   // of the answer
	TakesID bool              `json:"takes_id"` // the first id in the answer is the next of {0}, {1}, …

	answer string
}

// recording is the calls that usher makes at one vendor.
type recording struct {
	Once  []call   `json:"once"`  // before the first event, such as a log-in
	Steps [][]call `json:"steps"` // of a user's life
}

// record lets usher do the work for three users one after the other and returns
// its calls, by vendor. The first user is only created: after that, log-ins are
// done, and no account has the number of its subscription.
func (c Config) record(ctx context.Context, load Load) (calls map[string]recording, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &stage{config: c, plan: Plan{Load: load, Concurrency: 1}, contestant: Contestant{Kind: Usher}, dir: dir}
	defer s.close()
	standIn, err := NewStandIn(0, load.Lifecycle)
	if err != nil {
		return nil, err
	}
	r := &recorder{vendors: standIn, calls: map[string][]call{}}
	server := httptest.NewServer(r)
	defer server.Close()
	s.stands = strings.TrimPrefix(server.URL, "http://")
	if err := s.startNATS(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(s.makeStreams(ctx), s.startWorkers(ctx)); err != nil {
		return nil, err
	}
	var lives [3]map[string][][]call
	for user := range lives {
		life := load.life()
		if user == 0 {
			life = life[:1]
		}
		if lives[user], err = s.live(ctx, r, user, len(life)); err != nil {
			return nil, fmt.Errorf("record usher's calls: %w", err)
		}
	}
	return compare(load, lives)
}

// live publishes the first events of a user's life, one after the other, and
// returns the calls for each, by vendor.
func (s *stage) live(ctx context.Context, r *recorder, user, steps int) (map[string][][]call, error) {
	calls := map[string][][]call{}
	for step := range steps {
		// Numbers that no other text in a call contains.
		number, id, now := 9_182_730+10*user+step, 7_463_527+user, time.Now()
		e, err := s.plan.Load.write(number, id, step, now)
		if err != nil {
			return nil, err
		}
		before, err := s.stored(ctx)
		if err != nil {
			return nil, err
		}
		if err := s.send(e, now); err != nil {
			return nil, err
		}
		want := before + uint64(len(s.plan.Load.takersAt(step)))
		done := process.Wait{For: fmt.Sprintf("event %d has its results", step), Needs: s.processes()}
		err = done.Until(ctx, func() bool {
			have, err := s.stored(ctx)
			return err == nil && have >= want
		})
		if err != nil {
			return nil, err
		}
		for _, vendor := range s.plan.Load.Vendors {
			calls[vendor] = append(calls[vendor], blank(r.take(vendor), number, id, now))
		}
	}
	return calls, nil
}

// recorder keeps the calls that pass through it, by vendor.
type recorder struct {
	vendors http.Handler

	mu    sync.Mutex
	calls map[string][]call
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	r.vendors.ServeHTTP(answer, request)
	c := call{Method: request.Method, URL: request.URL.String(), Header: map[string]string{}, Body: string(body), Status: answer.Code, answer: answer.Body.String()}
	for name, values := range request.Header {
		if !slices.Contains([]string{"Accept-Encoding", "Content-Length", "User-Agent"}, name) { // every HTTP client has its own
			c.Header[name] = values[0]
		}
	}
	vendor, _, _ := strings.Cut(c.URL[1:], "/")
	r.mu.Lock()
	r.calls[vendor] = append(r.calls[vendor], c)
	r.mu.Unlock()
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// take returns the calls of a vendor since the last take.
func (r *recorder) take(vendor string) []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls[vendor]
	delete(r.calls, vendor)
	return calls
}

// hash is an id that usher makes of the event's id. Vendors recognize repeats by it.
var hash = regexp.MustCompile(`\b[0-9a-f]{32}\b`)

// blank puts placeholders in the place of an event's values.
func blank(calls []call, number, user int, sent time.Time) []call {
	at := scenario.Start.Add(time.Duration(number) * time.Second)
	values := strings.NewReplacer(
		strconv.FormatInt(sent.UnixNano(), 10), "{sent}", at.Format(timeLayout), "{time}", at.Format(time.DateOnly), "{date}",
		strconv.Itoa(user), "{user}", strconv.Itoa(number), "{event}",
	)
	replace := func(text string) string { return values.Replace(hash.ReplaceAllString(text, "{hash}")) }
	for i := range calls {
		calls[i].URL, calls[i].Body = replace(calls[i].URL), replace(calls[i].Body)
		for name, value := range calls[i].Header {
			calls[i].Header[name] = replace(value)
		}
	}
	return calls
}

// compare makes the recording: the calls for the third user, with placeholders
// where the second user's account ids differ.
func compare(load Load, lives [3]map[string][][]call) (map[string]recording, error) {
	out := map[string]recording{}
	for _, vendor := range load.Vendors {
		second, third := slices.Concat(lives[1][vendor]...), slices.Concat(lives[2][vendor]...)
		if len(second) != len(third) {
			return nil, fmt.Errorf("%s: %d calls for one user, %d for another", vendor, len(second), len(third))
		}
		var r recording
		for _, once := range lives[0][vendor][0] {
			if !slices.ContainsFunc(third, func(c call) bool { return c.Method == once.Method && c.URL == once.URL }) {
				r.Once = append(r.Once, once)
			}
		}
		var ids [][2]string
		for i, was := range second {
			c := &third[i]
			c.URL, c.Body = withIDs(was.URL, c.URL, ids), withIDs(was.Body, c.Body, ids)
			pair := [2]string{firstID(was.answer), firstID(c.answer)}
			if c.Method == http.MethodPost && pair[0] != pair[1] && !slices.Contains(ids, pair) {
				c.TakesID, ids = true, append(ids, pair)
			}
		}
		if len(ids) > maxIDs {
			return nil, fmt.Errorf("%s: a user has %d ids, more than the bare loop remembers", vendor, len(ids))
		}
		for _, calls := range lives[2][vendor] {
			r.Steps, third = append(r.Steps, third[:len(calls)]), third[len(calls):]
		}
		out[vendor] = r
	}
	return out, nil
}

var numbers = regexp.MustCompile(`\d+|\D+`)

// withIDs returns b with a placeholder for each number that differs from a's as a
// pair of ids does.
func withIDs(a, b string, ids [][2]string) string {
	from, to := numbers.FindAllString(a, -1), numbers.FindAllString(b, -1)
	if len(from) != len(to) {
		return b
	}
	for i := range to {
		if n := slices.Index(ids, [2]string{from[i], to[i]}); n >= 0 && from[i] != to[i] {
			to[i] = fmt.Sprintf("{%d}", n)
		}
	}
	return strings.Join(to, "")
}

// firstID returns the number behind the first "id" in a JSON text, empty if there
// is none.
func firstID(text string) string {
	_, rest, _ := strings.Cut(text, `"id":`)
	return rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
}
