package twins_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
)

// BenchmarkEffect compares the processor time of an effect by the adapter in Go and by the file, at
// stand-ins over loopback: a user is looked up, created, changed, looked up and deleted. The time
// includes the stand-in. The two take turns, so that a busy machine is no advantage of one.
func BenchmarkEffect(b *testing.B) {
	f := file(b, "miestro.yaml")
	byGo := benched(b, func(s vendors.Settings) (vendors.Adapter, error) {
		return miestro.New(miestro.Config{Settings: s, APIKey: sandbox.MiestroAPIKey, APISecret: sandbox.MiestroAPISecret})
	})
	byFile := benched(b, func(s vendors.Settings) (vendors.Adapter, error) { return open(f, all()["miestro"].settings, s) })
	var used [2]time.Duration
	for n := range b.N {
		u := vendors.User{ID: fmt.Sprint("user-", n), Email: fmt.Sprintf("person+%d@example.org", n), FirstName: "Person", LastName: "Example"}
		for i, a := range []vendors.Adapter{byGo, byFile} {
			begun := processorTime(b)
			effects(b, a, u)
			used[i] += processorTime(b) - begun
		}
	}
	b.ReportMetric(float64(used[0])/float64(5*b.N), "go-cpu-ns/call")
	b.ReportMetric(float64(used[1])/float64(5*b.N), "file-cpu-ns/call")
	b.ReportMetric(float64(used[1])/float64(used[0]), "file/go")
}

// benched returns an adapter with a stand-in of its own.
func benched(b *testing.B, build func(vendors.Settings) (vendors.Adapter, error)) vendors.Adapter {
	b.Helper()
	box, err := sandbox.New(sandbox.Config{}.With("miestro"))
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	b.Cleanup(server.Close)
	a, err := build(vendors.Settings{BaseURL: box.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["miestro"], Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// processorTime returns the time that the process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// effects makes five calls for one user.
func effects(b *testing.B, a vendors.Adapter, u vendors.User) {
	b.Helper()
	ctx, from := b.Context(), vendors.Origin{Key: u.ID, At: time.Now()}
	creator, _ := vendors.Port[vendors.Provisioner](a)
	updater, _ := vendors.Port[vendors.Updater](a)
	deleter, _ := vendors.Port[vendors.Deprovisioner](a)
	if _, err := creator.Find(ctx, u); !errors.Is(err, vendors.ErrNotFound) {
		b.Fatal(err)
	}
	account, err := creator.Create(ctx, from, u)
	if err != nil {
		b.Fatal(err)
	}
	_, err = creator.Find(ctx, u)
	if err := errors.Join(err, updater.Update(ctx, from, account, u), deleter.Delete(ctx, from, account)); err != nil {
		b.Fatal(err)
	}
}
