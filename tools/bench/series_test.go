package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRatios(t *testing.T) {
	s := Series{Name: "x", Rounds: 3, Runs: []Run{
		{Contestant: "bare", Round: 1, Events: 100},
		{Contestant: "usher", Round: 1, Events: 50},
		{Contestant: "usher", Round: 2, Events: 90},
		{Contestant: "bare", Round: 2, Events: 100},
		{Contestant: "bare", Round: 3, Events: 1000},
		{Contestant: "usher", Round: 3, Events: 700},
	}}
	s.sum([]Contestant{{Name: "bare"}, {Name: "usher"}})
	want := []Ratio{{Of: "usher", To: "bare", Median: 0.7, Min: 0.5, Max: 0.9}}
	if diff := cmp.Diff(want, s.Ratios); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.median("usher").Events; got != 90 {
		t.Errorf("the median is %g, want 90", got)
	}
}

// TestLastToFirst checks that the ratio is the median of the ratios by run, not the ratio of the
// medians, so that one disturbed run does not decide.
func TestLastToFirst(t *testing.T) {
	s := Series{Name: "x", Events: 100_000, Rounds: 3, Runs: []Run{
		{Contestant: "usher", Round: 1, Tenths: []float64{100, 80, 90}},
		{Contestant: "usher", Round: 2, Tenths: []float64{50, 60, 50}},
		{Contestant: "usher", Round: 3, Tenths: []float64{80, 70, 40}},
	}}
	s.sum([]Contestant{{Name: "usher"}})
	want := Ratio{Of: "last tenth", To: "first", Median: 0.9, Min: 0.5, Max: 1}
	if diff := cmp.Diff(want, s.lastToFirst("usher")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"usher, effects/s by tenth of the run: 80 70 50"}, s.comparisons()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTenths checks that a tenth is measured from the first to the last result of the tenth.
func TestTenths(t *testing.T) {
	var times []time.Time
	at := time.Unix(1_800_000_000, 0)
	for i := range 100 {
		pause := 10 * time.Millisecond
		if i >= 90 {
			pause = 20 * time.Millisecond
		}
		at = at.Add(pause)
		times = append(times, at)
	}
	var r Run
	(&env{}).tenths(&r, times)
	want := []float64{100, 100, 100, 100, 100, 100, 100, 100, 100, 50}
	if diff := cmp.Diff(want, r.Tenths, cmpopts.EquateApprox(0, 0.001)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuantiles(t *testing.T) {
	if got := quantile([]int{1, 2, 3, 4}, 0.99); got != 4 {
		t.Errorf("got %d, want 4", got)
	}
	if got := quantile([]int(nil), 0.5); got != 0 {
		t.Errorf("of nothing: got %d, want 0", got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("got %g, want 2.5", got)
	}
}

func TestUpdate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "benchmarks.md")
	r := Report{Date: "1 May 2026", Command: "usher-bench", Series: []Series{{Name: "activity", Events: 10, Medians: []Run{{Contestant: "usher", Events: 1234}}}}}
	if err := os.WriteFile(file, []byte("# Title\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Update(file); err == nil {
		t.Error("a file without markers: got no error")
	}
	if err := os.WriteFile(file, []byte("# Title\n\n"+markBegin+"\nold\n"+markEnd+"\n\nThe end.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // Update is repeatable
		if err := r.Update(file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.HasPrefix(got, "# Title\n\n"+markBegin+"\n1 May 2026") || !strings.HasSuffix(got, markEnd+"\n\nThe end.\n") {
		t.Errorf("the text outside of the markers has changed:\n%s", got)
	}
	if strings.Contains(got, "old") || strings.Count(got, "| usher | 1234 |") != 1 {
		t.Errorf("got:\n%s", got)
	}
}
