package main

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natstest"
)

const natsPassword = "only-for-these-tests"

// natsFiles is a copy of deploy/nats with passwords in it.
func natsFiles(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"nats-server.conf", "users.conf", "passwords.example.conf"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "nats", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "passwords.example.conf" {
			name, text = "passwords.conf", regexp.MustCompile(`change-me-\w+`).ReplaceAllLiteral(text, []byte(natsPassword))
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// natsOptions is what nats-server makes of the files, at a free port.
func natsOptions(t testing.TB, dir string) *server.Options {
	t.Helper()
	o, err := server.ProcessConfigFile(filepath.Join(dir, "nats-server.conf"))
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.HTTPPort = "127.0.0.1", server.RANDOM_PORT, 0
	return o
}

// member is one of several servers of a cluster, whose addresses for each other are given.
func member(t testing.TB, dir string, routes []string, i int) *server.Options {
	t.Helper()
	o := natsOptions(t, dir)
	host, port, err := net.SplitHostPort(routes[i])
	if err != nil {
		t.Fatal(err)
	}
	o.ServerName, o.Cluster.Host = "nats-"+strconv.Itoa(i+1), host
	if o.Cluster.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	for j, r := range o.Routes {
		if want := "nats-" + strconv.Itoa(j+1) + ":6222"; r.Host != want {
			t.Errorf("got route %s, want %s", r.Host, want)
		}
		r.Host = routes[j]
	}
	return o
}

// refusals is a log that passes on refused permissions.
type refusals chan string

func (refusals) Noticef(string, ...any) {}
func (refusals) Warnf(string, ...any)   {}
func (refusals) Fatalf(string, ...any)  {}
func (refusals) Debugf(string, ...any)  {}
func (refusals) Tracef(string, ...any)  {}
func (r refusals) Errorf(format string, _ ...any) {
	if !strings.Contains(format, "authentication error") {
		return
	}
	select {
	case r <- format:
	default:
	}
}

// TestNATSCluster starts three servers with the files of deploy/nats, and usher on them.
// Then comes a server that does not know the password.
func TestNATSCluster(t *testing.T) {
	t.Parallel()
	w, dir := newWorld(t), natsFiles(t)
	routes := []string{address(t), address(t), address(t)}
	var members []*server.Server
	for i := range routes {
		members = append(members, w.natsServer(member(t, dir, routes, i)))
	}
	w.environ = append(w.environ, "USHER_NATS_URL="+members[2].ClientURL(), "USHER_NATS_PASSWORD="+natsPassword, withAudit, "USHER_NATS_REPLICAS=3")
	w.until("the streams are made", func() bool { _, err := w.as("operator").try("nats", "apply"); return err == nil })
	w.as("producer").send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))

	refused := make(refusals, 1)
	members[0].SetLoggerV2(refused, false, false, false)
	stranger := member(t, dir, routes, 0)
	stranger.ServerName, stranger.Cluster.Port = "stranger", server.RANDOM_PORT
	stranger.Cluster.Username, stranger.Cluster.Password = "", ""
	stranger.Routes = []*url.URL{{Scheme: "nats", Host: routes[0]}}
	w.natsServer(stranger)
	natstest.Receive(t, "the refusal of a server without the password", refused)
	for _, m := range members {
		z, err := m.Routez(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range z.Routes {
			if r.RemoteName == stranger.ServerName {
				t.Errorf("%s has a route to a server without the password", m.Name())
			}
		}
	}
}
