package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/natstest"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.try("health"); err == nil || cli.ExitCode(err) != cli.ExitUsage {
		t.Errorf("without an endpoint: got %v", err)
	}
	url := w.overHTTP()
	if _, err := w.try("health"); err == nil || cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("before there is a process: got %v", err)
	}
	w.serve()
	w.must("health")
	w.must("health", url+"/")
	w.until("it is ready", func() bool { _, err := w.try("health", "--ready"); return err == nil })
	if _, err := w.try("health", url+"/nowhere"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("of a path that there is not: got %v", err)
	}
	w.end()
}

// The certificate is for another name than the address that is asked.
func TestHealthOverTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("ok\n")) }))
	t.Cleanup(web.Close)
	cert := filepath.Join(t.TempDir(), "cert.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(cert, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, file: filepath.Join(t.TempDir(), "usher.yaml"), log: &natstest.Log{}}
	if err := os.WriteFile(w.file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.environ = []string{
		"USHER_HTTP_ADDR=" + strings.TrimPrefix(web.URL, "https://"), "USHER_HTTP_TLS_CERT=" + cert, "USHER_HTTP_TLS_KEY=" + cert,
	}
	w.must("health")
	other := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	if err := os.WriteFile(cert, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.try("health"); err == nil {
		t.Error("a certificate that is none: got no error")
	}
}

// TestServerAndWorkersInTwoProcesses runs one process that only takes events in, and one that only acts on
// them.
func TestServerAndWorkersInTwoProcesses(t *testing.T) {
	t.Parallel()
	in, work := newWorld(t), newWorld(t)
	in.environ = []string{"USHER_NATS_URL=" + work.nats, "USHER_WORKER_ON=false"}
	in.nats = work.nats
	taking := in.overHTTP()
	in.serve()
	in.until("it is ready", func() bool { code, _ := in.get(taking + "/readyz"); return code == http.StatusOK })
	if status, said := in.post(taking+"/events", "application/cloudevents+json", cloudEvent(events.UserCreated, "a1", oneUser), nil); status != http.StatusAccepted {
		t.Fatalf("got %d %s", status, said)
	}
	if _, said := in.get(taking + "/readyz"); !strings.Contains(said, `"workers":"off"`) {
		t.Errorf("readyz: got %s", said)
	}
	if found := in.must("status", "--json"); strings.Contains(found, "miestro") {
		t.Errorf("a process that does not act made consumers: %s", found)
	}
	work.environ = append(work.environ, "USHER_HTTP_EVENTS=false")
	showing := work.overHTTP()
	work.environ = work.environ[:len(work.environ)-1] // no tokens are needed
	work.serve()
	work.expect("a1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "done"})
	for path, want := range map[string]int{"/events": 404, "/webhooks/crm": 404} {
		if status, said := work.post(showing+path, "application/cloudevents+json", "{}", nil); status != want {
			t.Errorf("POST %s: got %d %s, want %d", path, status, said, want)
		}
	}
	for _, path := range []string{"/healthz", "/metrics", "/readyz"} {
		if status, said := work.get(showing + path); status != http.StatusOK {
			t.Errorf("GET %s: got %d %s", path, status, said)
		}
	}
	for _, w := range []*world{in, work} {
		w.end()
	}
}
