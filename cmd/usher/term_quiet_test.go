package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/demo"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/scenario"
)

// wire stands between usher and the stand-ins: it notes the secrets that pass, and
// has some calls fail and the answers of others get lost.
type wire struct {
	next  http.Handler
	mu    sync.Mutex
	calls int
	seen  map[string]string // the secret → the name that it goes by
}

// secretMember is a member of a JSON object or of a form whose name says that its
// value is a secret.
var secretMember = regexp.MustCompile(`(?i)"?([a-z_]*(?:password|token|secret)[a-z_]*)"?[=:]\s*"?([^"&,}\s]{6,})`)

func (s *wire) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	s.calls++
	nth := s.calls
	s.mu.Unlock()
	if nth%9 == 0 { // before it has its effect; the answer says all that was said
		s.note(r, string(body))
		http.Error(w, "out of order: "+r.URL.String()+" "+string(body), http.StatusInternalServerError)
		return
	}
	answer := httptest.NewRecorder()
	s.next.ServeHTTP(answer, r)
	s.note(r, string(body)+"\n"+answer.Body.String())
	if nth%7 == 0 { // after
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// note takes down what looks like a secret.
func (s *wire) note(r *http.Request, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range secretMember.FindAllStringSubmatch(text, -1) {
		if value, err := url.QueryUnescape(found[2]); err == nil {
			s.seen[value] = found[1]
		}
	}
	if _, credentials, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		s.seen[credentials] = "Authorization"
	}
}

// into adds what passed, and returns under which names it did.
func (s *wire) into(p private) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string]int{}
	for value, name := range s.seen {
		names[name]++
		p[fmt.Sprint(name, " ", names[name], ", ", value)] = value
	}
	return names
}

// tapped puts a wire between the world's usher and its stand-ins.
func (w *world) tapped() *wire {
	s := &wire{next: w.stands.Handler(), seen: map[string]string{}}
	web := httptest.NewServer(s)
	w.t.Cleanup(web.Close)
	host := strings.TrimPrefix(web.URL, "http://")
	old := regexp.MustCompile(`//127\.0\.0\.1:\d+`)
	for i, variable := range w.environ {
		if !strings.HasPrefix(variable, "USHER_NATS_") {
			w.environ[i] = old.ReplaceAllString(variable, "//"+host)
		}
	}
	return s
}

// teach writes a configuration in which the vendors have these courses.
func (w *world) teach(courses handlers.Courses) {
	w.t.Helper()
	text, err := yaml.Marshal(map[string]any{"courses": courses})
	if err == nil {
		err = os.WriteFile(w.file, text, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// play publishes a term, and returns how many results must come of it.
func (w *world) play(t *demo.Scenario) int {
	w.t.Helper()
	c, err := config.Load(config.Sources{Path: w.file, Environ: w.environ, Vendors: catalog().Sections()})
	if err != nil {
		w.t.Fatal(err)
	}
	expected, err := t.Effects(catalog(), &c)
	if err != nil {
		w.t.Fatal(err)
	}
	js := w.streams()
	for _, p := range t.Published {
		header, payload, err := events.ToNATS(p.Event)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := js.PublishMsg(w.t.Context(), &nats.Msg{Subject: p.Event.Type(), Header: header, Data: payload}); err != nil {
			w.t.Fatal(err)
		}
	}
	return len(expected)
}

// TestLogHasNoSecrets has usher serve work off a term with all that it can
// log, while vendors fail, and reads its log and /metrics: for the pupils' e-mails,
// for what is configured, and for whatever password or token passed on the wire.
func TestLogHasNoSecrets(t *testing.T) {
	t.Parallel()
	term, err := demo.NewScenario(60, 1)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.teach(scenario.Courses())
	passed := w.tapped()
	w.environ = append(w.environ, limits(time.Second)...) // an effect whose answer is lost comes again after AckWait
	w.environ = append(w.environ, "USHER_LOG_LEVEL=trace", "USHER_LOG_FORMAT=json",
		"USHER_WORKER_RETRY_MIN=50ms", "USHER_WORKER_RETRY_MAX=500ms", "USHER_WORKER_HOLD_RETRY=200ms", "USHER_WORKER_PREREQUISITE_WAIT=3s")
	endpoint := w.overHTTP()
	w.serve()
	want := w.play(term)
	js := w.streams()
	w.until("all is printed", func() bool { return w.stored(js, bus.ResultsStream) >= want })
	_, metrics := w.get(endpoint + "/metrics")
	w.end()

	p := private{}
	p.addresses(term)
	p.settings(w.environ)
	kinds := passed.into(p)
	if kinds["Authorization"] == 0 || kinds["password"] < len(term.Pupils) || kinds["token"] == 0 {
		t.Errorf("secrets passed: %v; too few to tell", kinds)
	}
	for _, want := range []string{`"outcome":"done"`, `"message":"waiting"`, `"status":500`} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log has no %s: too little to tell", want)
		}
	}
	for _, what := range p.found(w.log.String() + metrics) {
		t.Errorf("%s is printed", what)
	}
}
