package streams_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// cluster starts three servers with one JetStream, and creates the streams with three replicas.
func cluster(t *testing.T) *env {
	t.Helper()
	t.Parallel()
	ports := freePorts(t, 3)
	var routes []*url.URL
	for _, port := range ports {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	var address string
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
			NoSigs: true, NoLog: true, Routes: routes, Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port},
		})
		check(t, err)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(patience) {
			t.Fatal("the server does not start")
		}
		address = s.ClientURL()
	}
	nc, err := nats.Connect(address)
	check(t, err)
	t.Cleanup(nc.Close)
	e := &env{t: t}
	e.js, err = jetstream.New(nc)
	check(t, err)
	until(t, "the streams are made", func() bool { return admin.EnsureWorker(t.Context(), e.js, admin.Workers{Replicas: 3}) == nil })
	return e
}

// freePorts returns ports below the range from which the system gives ports to connections.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	until(t, "ports are free", func() bool {
		port := 20_000 + rand.IntN(10_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			ports = append(ports, port)
		}
		ports = slices.Compact(slices.Sorted(slices.Values(ports)))
		return len(ports) == n
	})
	return ports
}

// A replicated stream reports the conflict of simultaneous writes by a code of its own.
func TestSimultaneousWritesInACluster(t *testing.T) {
	e := cluster(t)
	raiseTogether(t, e)
	acquireTogether(t, e)
}

func TestConflictsInACluster(t *testing.T) {
	e := cluster(t)
	leases := openLeases(t, e, time.Hour)
	lease := acquire(t, leases, "a")
	check(t, lease.Renew(t.Context()))
	if _, err := leases.Acquire(t.Context(), vendor, "b"); !errors.Is(err, streams.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
	e.purge("LEASES")
	if err := lease.Renew(t.Context()); !errors.Is(err, streams.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}

	former, owner := openOwnership(t, e), openOwnership(t, e)
	check(t, former.Commit(t.Context(), events.Position{Epoch: 1, Seq: 1}))
	check(t, owner.Commit(t.Context(), events.Position{Epoch: 1, Seq: 5}))
	check(t, former.Commit(t.Context(), events.Position{Epoch: 1, Seq: 3}))
	wantPosition(t, former, events.Position{Epoch: 1, Seq: 5})

	records, err := streams.OpenRecords(t.Context(), e.client(), "OWNERSHIP")
	check(t, err)
	_, revision, err := records.Load(t.Context(), "lms.position")
	check(t, err)
	for what, revision := range map[string]uint64{"an update": revision - 1, "a creation": 0} {
		if _, err := records.Store(t.Context(), "lms.position", nil, revision); !errors.Is(err, streams.ErrStaleRevision) {
			t.Errorf("%s: got %v, want ErrStaleRevision", what, err)
		}
	}
	if err := records.Delete(t.Context(), "lms.position", revision-1); !errors.Is(err, streams.ErrStaleRevision) {
		t.Errorf("a deletion: got %v, want ErrStaleRevision", err)
	}
	got := keys(t, records, vendor) // a follower may still have the first position too
	if want := `lms.position={"epoch":1,"seq":5}`; len(got) == 0 || got[len(got)-1] != want {
		t.Errorf("got %v, want %s last", got, want)
	}
}

func TestTimersInACluster(t *testing.T) {
	e := cluster(t)
	timers := openTimers(t, e)
	first, err := timers.Sentinel(t.Context(), vendor)
	check(t, err)
	if second, err := timers.Sentinel(t.Context(), vendor); err != nil || second != first {
		t.Errorf("got sentinel %q, then %q (%v)", first, second, err)
	}
	arm(t, timers, 1, time.Now())
	wakeInCluster(t, timers, 1)
	check(t, wakeInCluster(t, timers, 2).Ack())
	if _, err := timers.Wakes(t.Context(), vendor, 1); !errors.Is(err, streams.ErrNewerOwner) {
		t.Errorf("got %v, want ErrNewerOwner", err)
	}
}

func TestEventsInACluster(t *testing.T) {
	e := cluster(t)
	until(t, "EVENTS is made", func() bool {
		_, err := e.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*"}, Replicas: 3, AllowDirect: true})
		return err == nil
	})
	e.publish("user.created", 20)
	stream := e.eventsAgain()
	r := readFrom(t, stream, e.at(0), prefetch(5))
	wantSequences(t, next(t, r, 10), 1, 10)
	e.deleteConsumers("EVENTS")
	wantSequences(t, next(t, r, 10), 11, 20)
	_, err := stream.Get(t.Context(), e.at(20))
	check(t, err)
	lag := openLag(t, e)
	check(t, lag.Show(t.Context(), e.at(15)))
	until(t, "the lag is shown", func() bool {
		c, err := e.js.Consumer(t.Context(), "EVENTS", "lms")
		return err == nil && c.CachedInfo().NumPending == 5
	})
}

func TestAFollowerMayNotAnswerForTheLeader(t *testing.T) {
	e := cluster(t)
	leases := e.info("LEASES").Config
	leases.AllowDirect = true
	until(t, "LEASES is changed", func() bool {
		_, err := e.js.UpdateStream(t.Context(), leases)
		return err == nil
	})
	if err := admin.EnsureWorker(t.Context(), e.js, admin.Workers{Replicas: 3}); err == nil {
		t.Error("a follower may answer for the leader of LEASES, and no error says so")
	}
}

// wakeInCluster fetches a wake. A new consumer may have no leader yet, so an error opens it again.
func wakeInCluster(t *testing.T, timers *streams.Timers, token uint64) (w streams.Wake) {
	t.Helper()
	var wakes *streams.Wakes
	until(t, "a wake came", func() bool {
		if wakes == nil {
			wakes = openWakes(t, timers, token)
		}
		got, err := wakes.Fetch(t.Context(), 1, time.Second)
		if err != nil {
			wakes = nil
		}
		if len(got) > 0 {
			w = got[0]
		}
		return len(got) > 0
	})
	return w
}
