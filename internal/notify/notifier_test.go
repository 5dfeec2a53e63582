package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret signs the messages of the tests.
var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of thirty-two bytes, or so"))

// receiver is a receiver of messages that verifies signatures with the library of Standard Webhooks.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []payload
	ids    []string
	status int
	calls  int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls++
		body, err := io.ReadAll(q.Body)
		var p payload
		if err := errors.Join(err, hook.Verify(body, q.Header), json.Unmarshal(body, &p)); err != nil {
			t.Errorf("the message is not good: %v", err)
		}
		if r.status/100 == 2 {
			r.got, r.ids = append(r.got, p), append(r.ids, q.Header.Get("webhook-id"))
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// types returns the types of the accepted messages.
func (r *receiver) types() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var types []string
	for _, p := range r.got {
		types = append(types, p.Type)
	}
	return strings.Join(types, " ")
}

// control returns the bucket of a new NATS server.
func control(t *testing.T) *streams.Records {
	t.Helper()
	set := natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout())
	records, err := set.Control.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// notifiers returns n notifiers of one Usher, and a function that sets the problems.
func notifiers(t *testing.T, n int, records Records, url string) (list []*Notifier, set func(...Problem)) {
	t.Helper()
	var mu sync.Mutex
	var problems []Problem
	for range n {
		list = append(list, &Notifier{
			Records:  func(context.Context) (Records, error) { return records, nil },
			Problems: func(context.Context) ([]Problem, error) { mu.Lock(); defer mu.Unlock(); return problems, nil },
			Config: func() Config {
				return Config{Every: time.Hour, Targets: []Target{{Name: "on-call", URL: vendors.Secret(url), Secrets: []vendors.Secret{vendors.Secret(secret)}}}}
			},
			Log: zerolog.Nop(),
		})
	}
	return list, func(now ...Problem) { mu.Lock(); defer mu.Unlock(); problems = now }
}

// together lets all notifiers look at once.
func together(t *testing.T, list []*Notifier, now time.Time) {
	t.Helper()
	var group sync.WaitGroup
	for _, n := range list {
		group.Go(func() {
			if err := n.round(t.Context(), now); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestProcessesSendOnce lets ten processes look at the same time, for hours.
func TestProcessesSendOnce(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	list, set := notifiers(t, 10, control(t), r.URL)
	set(held("lead"), letters(3))
	now := time.Now().UTC()
	for range 4 {
		together(t, list, now)
		now = now.Add(30 * time.Second)
	}
	if got, want := r.types(), "usher.dead.firing usher.hold.firing"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	set(letters(3))
	for range 6 {
		now = now.Add(20 * time.Second)
		together(t, list, now)
	}
	if got, want := r.types(), "usher.dead.firing usher.hold.firing usher.hold.resolved"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDeathBetweenClaimAndSend ends a process after its claim: another one sends the message, once.
func TestDeathBetweenClaimAndSend(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	list, set := notifiers(t, 2, control(t), r.URL)
	set(held("lead"))
	dead, end := context.WithCancel(t.Context())
	now := time.Now().UTC()
	list[0].Records = func(ctx context.Context) (Records, error) {
		records, err := list[1].Records(ctx)
		return dying{records, end}, err
	}
	_ = list[0].round(dead, now) // the error of a dead process
	if r.calls != 0 || dead.Err() == nil {
		t.Fatalf("%d calls, want a death before the first", r.calls)
	}
	for range 20 {
		now = now.Add(15 * time.Second)
		together(t, list[1:], now)
	}
	if got := r.types(); got != "usher.hold.firing" {
		t.Errorf("got %q, want one message", got)
	}
}

// dying are records that end the process after a store.
type dying struct {
	Records
	end func()
}

func (d dying) Store(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if context.Cause(ctx) != nil {
		return 0, context.Cause(ctx)
	}
	revision, err := d.Records.Store(ctx, key, value, revision)
	d.end()
	return revision, err
}

// TestReceiverIsAway refuses all messages for a day, in which a hold comes and goes.
func TestReceiverIsAway(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.answer(http.StatusBadRequest)
	records := control(t)
	list, set := notifiers(t, 2, records, r.URL)
	now := time.Now().UTC()
	for i := range 24 * 12 {
		set()
		if i%2 == 0 {
			set(held("lead"), letters(i))
		}
		together(t, list, now)
		now = now.Add(5 * time.Minute)
	}
	if r.calls > 150 || r.calls < 24 {
		t.Errorf("%d calls in a day, want a few each hour", r.calls)
	}
	if failing, err := Failing(t.Context(), records); err != nil || failing["on-call"].Why != "the receiver answered with status 400" {
		t.Errorf("got %v, %v", failing, err)
	}
	r.answer(http.StatusOK)
	for range 6 {
		together(t, list, now)
		now = now.Add(5 * time.Minute)
	}
	if got, want := r.types(), "usher.dead.resolved usher.hold.resolved"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if failing, err := Failing(t.Context(), records); err != nil || len(failing) != 0 {
		t.Errorf("got %v, %v", failing, err)
	}
}

// TestProcessesWithOtherTargets lets a process without the target look between the looks of another: the
// target gets no message twice.
func TestProcessesWithOtherTargets(t *testing.T) {
	t.Parallel()
	r, other := newReceiver(t), newReceiver(t)
	records := control(t)
	old, set := notifiers(t, 1, records, r.URL)
	fresh, setFresh := notifiers(t, 1, records, other.URL)
	config := fresh[0].Config()
	config.Targets[0].Name = "other"
	fresh[0].Config = func() Config { return config }
	set(held("lead"))
	setFresh(held("lead"))
	now := time.Now().UTC()
	for range 5 {
		together(t, old, now)
		together(t, fresh, now.Add(20*time.Second))
		now = now.Add(40 * time.Second)
	}
	if r.types() != "usher.hold.firing" || other.types() != "usher.hold.firing" {
		t.Errorf("got %q and %q, want one message each", r.types(), other.types())
	}
}

// TestSendTriesAgain fails twice with 503 and once without an answer.
func TestSendTriesAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statuses []int // 0: no answer
		calls    int
		want     string
	}{
		"in passing":      {[]int{503, 0, 429, 202}, 4, ""},
		"for good":        {[]int{404, 200}, 1, "the receiver answered with status 404"},
		"by redirect":     {[]int{307, 200}, 1, "the receiver answered with status 307"},
		"without end":     {nil, 0, "the receiver answered with status 503"},
		"without answers": {[]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, "no route"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, began := 0, time.Now()
				target := Target{Name: "on-call", URL: "https://hooks.example.org/secret-path", Secrets: []vendors.Secret{vendors.Secret(secret)}}
				target.transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					calls++
					status := http.StatusServiceUnavailable
					if calls <= len(test.statuses) {
						status = test.statuses[calls-1]
					}
					if status == 0 {
						return nil, errors.New("no route")
					}
					return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{"Location": {"https://elsewhere.example.org/"}}, Request: r}, nil
				})
				err := target.send(t.Context(), Test("msg_1", start), Links{})
				text := ""
				if err != nil {
					text = err.Error()
				}
				if text != test.want || test.calls > 0 && calls != test.calls || time.Since(began) > time.Minute {
					t.Errorf("got %q after %d calls in %s", text, calls, time.Since(began))
				}
				if strings.Contains(text, "secret-path") {
					t.Errorf("the error has the URL: %s", text)
				}
			})
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
