package bench_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/bench"
)

// result is a result as a contestant publishes it.
func result(kind, event string) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","type":%q,"causationid":%q}`, kind, event)
}

func TestVerdict(t *testing.T) {
	const subject, done = "activity.recorded.usermost", "activity.recorded"
	for name, test := range map[string]struct {
		results [][]byte
		want    string // empty: nothing is wrong
	}{
		"each once": {
			results: [][]byte{result(done, "e0"), result(done, "e2"), result(done, "e1")},
		},
		"one is lost": {
			results: [][]byte{result(done, "e0"), result(done, "e2")},
			want:    "1 results are lost",
		},
		"one repeated": {
			results: [][]byte{result(done, "e0"), result(done, "e1"), result(done, "e1"), result(done, "e2")},
			want:    "1 results are repeated",
		},
		"one lost and one repeated": {
			results: [][]byte{result(done, "e0"), result(done, "e1"), result(done, "e1")},
			want:    "1 results are lost\n1 results are repeated",
		},
		"one failed": {
			results: [][]byte{result(done, "e0"), result("activity.failed", "e1"), result(done, "e2")},
			want:    "1 events failed, such as",
		},
		"of an unpublished event": {
			results: [][]byte{result(done, "e0"), result(done, "e1"), result(done, "e2"), result(done, "e3")},
			want:    "1 results are of unpublished events",
		},
		"unreadable": {
			results: [][]byte{result(done, "e0"), result(done, "e1"), []byte("oops")},
			want:    "1 results are lost",
		},
	} {
		t.Run(name, func(t *testing.T) {
			load, err := bench.LoadNamed("activity")
			if err != nil {
				t.Fatal(err)
			}
			tally := bench.Tally{Load: load, Events: 3}
			for _, payload := range test.results {
				tally.Add(subject, payload, time.Now(), nil)
			}
			got := ""
			if err := tally.Verdict(); err != nil {
				got = err.Error()
			}
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestVerdictOfAnotherVendor checks that a result of a vendor outside of the load is a fault.
func TestVerdictOfAnotherVendor(t *testing.T) {
	load, err := bench.LoadNamed("activity")
	if err != nil {
		t.Fatal(err)
	}
	tally := bench.Tally{Load: load, Events: 1}
	tally.Add("activity.recorded.meiro", result("activity.recorded", "e0"), time.Now(), nil)
	if err := tally.Verdict(); err == nil {
		t.Error("got no error, want one")
	}
}
