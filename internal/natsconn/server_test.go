package natsconn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// configured starts a server with a configuration file; DIR is a directory of the test.
func configured(t *testing.T, text string) (*server.Server, *server.Options) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(file, []byte(listenAnywhere(text)+strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o.NoSigs, o.NoLog = true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	natstest.Until(t, "the server accepts connections", func() bool { return s.ReadyForConnections(time.Second) })
	return s, o
}

// listenAnywhere returns the line of a free port, unless the text names an address.
func listenAnywhere(text string) string {
	if strings.HasPrefix(text, "listen:") {
		return ""
	}
	return "listen: \"127.0.0.1:-1\"\n"
}

// stores creates a stream through a connection, and reads the stream by two kinds of request.
func stores(t *testing.T, o natsconn.Options, api streams.API) {
	t.Helper()
	o.Log = zerolog.Nop()
	nc, err := natsconn.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	c, err := streams.NewClient(nc, api, streams.Names{})
	if err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "JetStream creates a stream", func() bool {
		_, err = c.JetStream.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "RESULTS", Subjects: []string{"user.created"}})
		return err == nil
	})
	if _, err := c.JetStream.Publish(t.Context(), "user.created", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range c.Messages(t.Context(), "RESULTS", streams.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("got %d messages, want 1", n)
	}
}

func TestADomainBehindALeafNode(t *testing.T) {
	t.Parallel()
	_, hub := configured(t, `jetstream { store_dir: "DIR/hub", domain: hub }
leafnodes { listen: "127.0.0.1:-1" }`)
	leaf, _ := configured(t, fmt.Sprintf(`server_name: leaf
leafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:%d" } ] }`, hub.LeafNode.Port))
	natstest.Until(t, "the leaf node is connected", func() bool { return leaf.NumLeafNodes() == 1 })
	stores(t, natsconn.Options{URL: leaf.ClientURL()}, streams.API{Domain: "hub"})
}

func TestAnImportedAPI(t *testing.T) {
	t.Parallel()
	s, _ := configured(t, `jetstream { store_dir: "DIR/js" }
accounts {
  JS: { jetstream: enabled, users: [ { user: js, password: p } ], exports: [
    { service: "$JS.API.>", response_type: stream }, { service: "user.*" }, { stream: "deliver.>" } ] }
  APP: { users: [ { user: app, password: p } ], imports: [
    { service: { account: JS, subject: "$JS.API.>" }, to: "JS.hub.API.>" }, { service: { account: JS, subject: "user.*" } } ] }
}`)
	stores(t, natsconn.Options{URL: s.ClientURL(), User: "app", Password: "p"}, streams.API{Prefix: "JS.hub.API"})
}

func TestARestrictedInbox(t *testing.T) {
	t.Parallel()
	s, _ := configured(t, `jetstream { store_dir: "DIR/js" }
authorization { users: [ { user: usher, password: p, permissions: { publish: ">", subscribe: "_INBOX_usher.>" } } ] }`)
	stores(t, natsconn.Options{URL: s.ClientURL(), User: "usher", Password: "p", InboxPrefix: "_INBOX_usher"}, streams.API{})
}

// certify writes a certificate that signs itself, with a serial number.
func certify(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, Subject: pkix.Name{CommonName: fmt.Sprint("usher ", serial)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestRenewedCertificatesCountAtTheNextConnection renews the certificate of the client and the
// authority of the server three times, with a server that wants TLS first. The server accepts
// only the present certificate.
func TestRenewedCertificatesCountAtTheNextConnection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certify(t, dir, 1)
	start := func(addr string) *server.Server {
		s, _ := configured(t, fmt.Sprintf(`listen: %q
tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true, handshake_first: true }`, addr, cert, key, cert))
		return s
	}
	s := start("127.0.0.1:-1")
	addr := s.Addr().String()
	nc, err := natsconn.Connect(t.Context(), natsconn.Options{URL: "nats://" + addr, CA: cert, Cert: cert, Key: key, TLSFirst: true, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	for serial := range int64(3) {
		before := nc.Stats().Reconnects
		s.Shutdown()
		s.WaitForShutdown()
		certify(t, dir, serial+2)
		s = start(addr)
		natstest.Until(t, "the client is back with the renewed certificate", func() bool { return nc.Stats().Reconnects > before && nc.IsConnected() })
	}
}
