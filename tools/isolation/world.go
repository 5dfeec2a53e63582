package isolation

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// world is the processes of one line, and what the judge knows of them.
type world struct {
	config    Config
	line      Line
	dir       string
	stands    string // address of the stand-in
	usher     string // address of usher serve
	environ   []string
	processes []*process.Process
	nc        *nats.Conn
	js        jetstream.JetStream
	results   *results
	writer    scenario.Writer
	published int // of the writer's events
	healthy   int // users so far
}

// newWorld starts everything. The caller closes the world, after an error too.
func newWorld(ctx context.Context, c Config, l Line, dir string) (*world, error) {
	w := &world{config: c, line: l, dir: dir}
	for _, start := range []func(context.Context) error{w.startNATS, w.startStandIn, w.startUsher} {
		if err := start(ctx); err != nil {
			return w, err
		}
	}
	var err error
	w.results, err = listen(ctx, w.js, l.Vendor)
	return w, err
}

// start starts a program that listens on a port of its own choice, and returns the
// address, which the program prints behind the text in its log.
func (w *world) start(ctx context.Context, p program) (addr string, err error) {
	log := filepath.Join(w.dir, p.name+".log")
	started, err := process.Start(log, p.environ, p.file, p.args...)
	if err != nil {
		return "", err
	}
	w.processes = append(w.processes, started)
	pattern := regexp.MustCompile(regexp.QuoteMeta(p.before) + `(127\.0\.0\.1:\d+)`)
	err = w.until(ctx, 0, p.name+" listens", func() bool {
		text, _ := os.ReadFile(log) // not there yet is like empty
		found := pattern.FindSubmatch(text)
		if found != nil {
			addr = string(found[1])
		}
		return found != nil
	})
	return addr, err
}

// program is a program to start.
type program struct {
	name    string // of the log
	file    string
	environ []string
	args    []string
	before  string // the text before the address in the log
}

// startNATS starts nats-server and connects to it.
func (w *world) startNATS(ctx context.Context) error {
	addr, err := w.start(ctx, program{
		name: "nats", file: w.config.Binaries.NATS, before: "client connections on ",
		args: []string{"-a", "127.0.0.1", "-p", "-1", "-js", "-sd", filepath.Join(w.dir, "store")},
	})
	if err != nil {
		return err
	}
	w.environ = append(w.environ, "USHER_NATS_URL=nats://"+addr)
	w.nc, err = nats.Connect("nats://"+addr, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return err
	}
	if w.js, err = jetstream.New(w.nc); err != nil {
		return err
	}
	return w.until(ctx, 0, "JetStream answers", func() bool {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := w.js.AccountInfo(ctx)
		return err == nil
	})
}

// startStandIn starts usher sandbox. Only the line's vendor is turned on.
func (w *world) startStandIn(ctx context.Context) (err error) {
	w.stands, err = w.start(ctx, program{
		name: "sandbox", file: w.config.Binaries.Usher, args: []string{"sandbox", "--addr", "127.0.0.1:0"}, before: "what they hold: http://",
	})
	if err != nil {
		return err
	}
	prefix := "USHER_" + strings.ToUpper(w.line.Vendor) + "_"
	for _, variable := range sandbox.Environ(w.stands) {
		if strings.HasPrefix(variable, prefix) && !strings.HasPrefix(variable, prefix+"RATE=") {
			w.environ = append(w.environ, variable)
		}
	}
	return w.until(ctx, 0, "the stand-in answers", func() bool { _, err := w.state(ctx); return err == nil })
}

// startUsher starts usher serve and waits until it is ready.
func (w *world) startUsher(ctx context.Context) error {
	file := filepath.Join(w.dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(scenario.CourseFile(w.line.courses())), 0o600); err != nil {
		return err
	}
	w.environ = append(append(w.environ, limits(w.line.Vendor, w.config.Factor)...), "USHER_CONFIG="+file, "USHER_LOG_FORMAT=json", "USHER_HTTP_ADDR=127.0.0.1:0", "USHER_HTTP_EVENTS=false")
	w.environ = append(w.environ, w.line.settings()...)
	var err error
	w.usher, err = w.start(ctx, program{name: "usher", file: w.config.Binaries.Usher, environ: w.environ, args: []string{"serve"}, before: `"addr":"`})
	if err != nil {
		return err
	}
	return w.until(ctx, 0, "usher serve is ready", func() bool { _, err := process.Get(ctx, "http://"+w.usher+"/readyz"); return err == nil })
}

// until waits until ok returns true, while the processes live.
func (w *world) until(ctx context.Context, limit time.Duration, text string, ok func() bool) error {
	return process.Wait{For: text, Limit: limit, Poll: 20 * time.Millisecond, Needs: w.processes}.Until(ctx, ok)
}

// alive returns an error if a process has ended.
func (w *world) alive() error {
	for _, p := range w.processes {
		if p.Ended() {
			return p.DiedError()
		}
	}
	return nil
}

// control asks the stand-in for a trouble, such as "mode=down".
func (w *world) control(ctx context.Context, query url.Values) error {
	query.Set("for", "1h")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.stands+"/control/"+w.line.Vendor+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("control %s: status %d", query.Encode(), response.StatusCode)
	}
	return nil
}

// state returns what the vendor holds.
func (w *world) state(ctx context.Context) (sandbox.VendorState, error) {
	var s sandbox.State
	err := process.GetJSON(ctx, "http://"+w.stands+"/state", &s)
	return s.Vendors[w.line.Vendor], err
}

// metric returns what usher says of the vendor, 0 if it says nothing.
func (w *world) metric(ctx context.Context, name string) (value float64) {
	metrics, err := process.Get(ctx, "http://"+w.usher+"/metrics")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(metrics)) {
		if text, ok := strings.CutPrefix(line, fmt.Sprintf("%s{vendor=%q} ", name, w.line.Vendor)); ok {
			value, _ = strconv.ParseFloat(strings.TrimSpace(text), 64)
		}
	}
	return value
}

// close ends all processes.
func (w *world) close() {
	if w.results != nil {
		w.results.close()
	}
	if w.nc != nil {
		w.nc.Close()
	}
	for _, p := range w.processes {
		p.Kill()
	}
}
