package streams_test

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/streams"
)

// TestSealedStream seals a stream at work, and looks for the way out in the error.
func TestSealedStream(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	stream, err := set.Client.JetStream.Stream(t.Context(), streams.AuditStream)
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	c.Sealed = true
	if _, err := set.Client.JetStream.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	err = set.Audit.Record(t.Context(), "/usher", streams.Action{Kind: streams.VendorPaused, Who: "ann"})
	if err == nil || !strings.Contains(err.Error(), "AUDIT is sealed, and never takes a message again: copy") {
		t.Errorf("got %v, want the way out", err)
	}
}
