package streams_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

func TestResults(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	for _, id := range []string{"e1", "e2"} {
		request := event(t, id)
		for _, vendor := range []string{"acme", "other"} {
			result, err := events.NewResult(events.ResultOf{
				Request: request, Key: events.Key("/school", id), Source: "/usher", At: time.Unix(1, 0),
				Result: events.Result{Vendor: vendor, Outcome: events.Done},
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // published twice, stored once
				if err := set.Results.Publish(t.Context(), vendor, result); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var got []string
	for r, err := range set.Results.List(t.Context(), streams.ResultsQuery{Vendors: []string{"acme"}}) {
		check(t, err)
		got = append(got, r.Data.Vendor+" "+r.Data.Event.ID)
	}
	if diff := cmp.Diff([]string{"acme e1", "acme e2"}, got); diff != "" {
		t.Errorf("results differ (-want +got):\n%s", diff)
	}
}
