package hostile

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/vendors/sandbox"
)

// healthyVendor is the vendor that is never hostile.
const healthyVendor = "usermost"

// The secrets of the senders.
const (
	healthyToken = "token-of-the-healthy-sender"
	evilToken    = "token-of-the-hostile-sender" //nolint:gosec // of this suite only
	evilSecret   = "secret-of-the-hostile-webhook"
)

// file is the configuration of usher serve.
const file = `http:
  events: true
  clients:
    - {name: healthy, token: ` + healthyToken + `, sources: [/school]}
    - {name: evil, token: ` + evilToken + `, sources: [/evil]}
webhooks:
  evil:
    scheme: token
    secrets: [` + evilSecret + `]
    event:
      type: body.type
      types: {user: activity.tracked}
      id: body.id
      data: {user_id: body.id, name: '"visited"', properties: '{"note": body.?note.orValue(null)}'}
`

// world is the processes of a run, and the knowledge of the judge.
type world struct {
	*environment.Environment

	config  Config
	worker  *environment.Worker
	results *environment.Results
	vendor  *http.Server    // the hostile vendors
	honest  *http.Transport // of the vendors, to the stand-in
	client  *http.Client    // of the healthy sender, from an address of its own
	attacks *http.Client
	stop    context.CancelFunc // ends the opening of connections
	// producer is the connection of the attackers on NATS. On the connection of the suite their
	// megabytes would hold up the results of the healthy users.
	producer jetstream.JetStream
	users    int
	cage     cage
	turns    atomic.Int64 // of the attackers

	mu     sync.Mutex
	report *Report
}

// newWorld starts everything. The caller closes the world, after an error too.
func newWorld(ctx context.Context, c Config, dir string, r *Report) (*world, error) {
	opening, stop := context.WithCancel(ctx)
	w := &world{config: c, report: r, client: from(opening, "127.0.0.2"), attacks: from(opening, "127.0.0.1"), honest: &http.Transport{}, stop: stop}
	config := filepath.Join(dir, "hostile.yaml")
	if err := os.WriteFile(config, []byte(file), 0o600); err != nil {
		return w, err
	}
	var err error
	if w.cage, err = newCage(dir, c.Binaries.Usher, c.Memory); err != nil {
		return w, err
	}
	r.Caged = w.cage.kind
	binaries := c.Binaries
	binaries.Usher = w.cage.script
	w.Environment, err = environment.Start(ctx, environment.Config{
		Binaries: binaries, Dir: dir, Vendor: healthyVendor,
		// Without limits of streams: a producer on NATS has no quota, and its megabytes fill EVENTS within twenty minutes.
		Settings: append(environment.Limits(healthyVendor, 10), fmt.Sprintf("GOMEMLIMIT=%d", c.Memory*9/10), "USHER_NATS_STORAGE=0"),
	})
	if err != nil {
		return w, err
	}
	if err = w.connectProducer(); err != nil {
		return w, err
	}
	addr, err := w.startVendor(ctx)
	if err != nil {
		return w, err
	}
	environ := []string{"USHER_CONFIG=" + config, "USHER_HTTP_EVENTS=true", "USHER_HTTP_RATE=1000", "USHER_HTTP_TIMEOUT=5s"}
	for _, variable := range sandbox.Environ(addr) {
		if !strings.HasPrefix(variable, "USHER_"+strings.ToUpper(healthyVendor)) {
			environ = append(environ, strings.Replace(variable, "RATE=0", "RATE=50", 1))
			if name, ok := strings.CutSuffix(variable, "RATE=0"); ok {
				environ = append(environ, name+"TIMEOUT=1s") // as the other limits, a tenth
			}
		}
	}
	if w.worker, err = w.Serve(ctx, "usher", environ...); err != nil {
		return w, err
	}
	w.results, err = w.Listen(ctx, events.UserCreated)
	return w, err
}

// connectProducer opens the connection of the attackers on NATS.
func (w *world) connectProducer() error {
	nc, err := nats.Connect(w.JS.Conn().ConnectedUrl(), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	w.producer, err = jetstream.New(nc)
	return err
}

// from returns a client that connects from an address of this machine. No connection is opened after the end
// of life: the transport goes on with an opening that nobody waits for, such as at a full backlog.
func from(life context.Context, address string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 10 * time.Second}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, end := context.WithCancel(ctx)
		defer end()
		defer context.AfterFunc(life, end)()
		return dialer.DialContext(ctx, network, addr)
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 32}}
}

// close ends everything, and waits for the vendors' answers in hand: nobody reads them any more.
func (w *world) close() {
	w.stop()
	if w.producer != nil {
		w.producer.Conn().Close()
	}
	if w.Environment != nil {
		w.Close()
	}
	if w.vendor != nil {
		limited, cancel := context.WithTimeout(context.Background(), patience)
		_ = w.vendor.Shutdown(limited)
		cancel()
		_ = w.vendor.Close()
	}
	w.honest.CloseIdleConnections()
	w.client.CloseIdleConnections()
	w.attacks.CloseIdleConnections()
	w.cage.remove()
}

// watch measures the memory of the process until ctx ends.
func (w *world) watch(ctx context.Context, p *Phase) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		now, _ := w.worker.Memory()
		p.Memory = max(p.Memory, now)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
