package app

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	failed := errors.New("it failed")
	if got := Interrupted(ctx, failed); !errors.Is(got, failed) {
		t.Errorf("got %v, want what failed", got)
	}
	stop()
	if got := Interrupted(ctx, failed); !errors.Is(got, failed) {
		t.Errorf("after the end: got %v, want what failed", got)
	}
	if got := Interrupted(ctx, fmt.Errorf("read: %w", context.Canceled)); !errors.Is(got, ErrInterrupted) {
		t.Errorf("got %v, want %v", got, ErrInterrupted)
	}
}

// TestAdviseWithoutStreams reads from an empty NATS.
func TestAdviseWithoutStreams(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{}))
	client, err := streams.NewClient(nc, streams.API{}, streams.Names{})
	if err != nil {
		t.Fatal(err)
	}
	_, bucket := streams.OpenRecords(t.Context(), client, streams.ControlBucket)
	_, stream := client.JetStream.Stream(t.Context(), "EVENTS")
	_, leases := streams.OpenLeases(t.Context(), client, 0)
	for err, want := range map[error]string{
		bucket: noStreams + " (not there: bucket CONTROL)",
		stream: noStreams,
		leases: noStreams + " (not there: stream LEASES)",
		fmt.Errorf("read %s: %w", "EVENTS", stream): noStreams + " (not there: read EVENTS)",
	} {
		if got := Advise(err); got.Error() != want || !errors.Is(got, err) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if failed := errors.New("nats: timeout"); !errors.Is(Advise(failed), failed) || Advise(failed).Error() != failed.Error() {
		t.Error("another error has other words")
	}
}
