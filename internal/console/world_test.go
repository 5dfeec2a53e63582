package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// TestMain fails where the tests leave a goroutine behind.
func TestMain(m *testing.M) {
	natstest.Parallel(4)
	goleak.VerifyTestMain(m)
}

const (
	annsToken = "the-token-of-ann-who-operates"
	bobsToken = "the-token-of-bob-who-reads-it"
	secret    = "ada.lovelace@example.org" // what no reader may see
	evil      = `<script>alert("x")</script>'"&`
)

var people = []console.Person{
	{Name: "ann", Operator: true, Token: annsToken},
	{Name: "bob", Token: bobsToken},
}

// world is a console over a real NATS.
type world struct {
	t       *testing.T
	service atomic.Pointer[ops.Service]
	streams *streams.Set
	web     *httptest.Server
	log     *natstest.Log
}

// newWorld has consumers of one vendor, lead, and nothing else.
func newWorld(t *testing.T, c console.Config) *world {
	t.Helper()
	b := natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout())
	w := &world{t: t, streams: b, log: &natstest.Log{}}
	for stream, kind := range map[string]string{streams.EventsStream: ops.Lifecycle, streams.ReplaysStream: ops.Replay} {
		_, err := b.Client.JetStream.CreateConsumer(t.Context(), stream, jetstream.ConsumerConfig{
			Durable: ops.ConsumerName("lead", kind), AckPolicy: jetstream.AckExplicitPolicy,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.service.Store(ops.New(ops.Deps{
		Streams: b, Config: config.Default(),
		Vendors: []ops.Vendor{{
			Name: "lead", Settings: vendors.DefaultSettings("https://lead.example.com/api", 1),
			Adapter: func() (vendors.Adapter, error) { return nil, fmt.Errorf("off") },
		}},
		Handlers: []handlers.Handler{handlers.UserCreated(), handlers.UserDeleted()},
	}))
	w.open(c)
	return w
}

// pages returns a console over the world.
func (w *world) pages(c console.Config) *console.Console {
	w.t.Helper()
	pages, err := console.New(c, console.Deps{Service: w.service.Load, Log: zerolog.New(w.log), Version: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(pages.Close)
	return pages
}

// open serves the console.
func (w *world) open(c console.Config) {
	pages := w.pages(c)
	web := httptest.NewServer(pages)
	w.web = web
	w.t.Cleanup(func() {
		pages.Close()
		web.Close()
	})
}

// formKey returns the key in the forms of a page.
func formKey(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`name="form_key" value="([0-9a-f]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("there is no form on the page:\n%s", page)
	}
	return found[1]
}

// browser is one who looks at the console.
type browser struct {
	*world
	client *http.Client
	form   string // what its forms bear
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &browser{world: w, client: &http.Client{Jar: jar, Timeout: 2 * natstest.Patience}}
	w.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// login is a browser of one who has logged in.
func (w *world) login(token string) *browser {
	w.t.Helper()
	b := w.browser()
	status, body := b.post("/console/login", "token", token)
	if status != http.StatusOK {
		w.t.Fatalf("login: got %d", status)
	}
	b.form = formKey(w.t, body)
	return b
}

// reply is an answer whose body has been read.
type reply struct {
	StatusCode int
	Header     http.Header
	Cookies    []*http.Cookie
}

func (b *browser) do(r *http.Request) (reply, string) {
	b.t.Helper()
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, answer.Cookies()}, string(text)
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.web.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.web.URL)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return r
}

func (b *browser) get(path string) (int, string) {
	b.t.Helper()
	answer, text := b.do(b.request(http.MethodGet, path, nil))
	return answer.StatusCode, text
}

// post sends a form of the session with these names and values.
func (b *browser) post(path string, pairs ...string) (int, string) {
	b.t.Helper()
	form := url.Values{"form_key": {b.form}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	answer, text := b.do(b.request(http.MethodPost, path, form))
	return answer.StatusCode, text
}
