package isolation_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/isolation"
	"github.com/usherhq/usher/tools/process"
)

var (
	full     = flag.Bool("isolation.full", false, "play the full form, with the limits of production")
	chosen   = flag.String("isolation.lines", "", "play these lines only, such as 1,5")
	sizes    = flag.String("isolation.sizes", "", "other sizes of troubles, as line:size, such as 5:2000,8:10000")
	output   = flag.String("isolation.json", "", "a file to write the report into, as JSON; a relative path begins at tools/isolation")
	limit    = flag.Duration("isolation.cap", 0, "the longest wait for healthy users beside a trouble; 0: that of the form")
	healthy  = flag.Int("isolation.healthy", 0, "how many healthy users are measured; 0: as many as the form has")
	factor   = flag.Int("isolation.factor", 0, "by how much the limits of production are scaled, at most 10; 0: that of the form")
	parallel = flag.Int("isolation.parallel", 0, "how many lines are played at a time; 0: as many as the form has")
)

// form returns the form with the flags.
func form(t *testing.T) isolation.Config {
	t.Helper()
	c := isolation.Short()
	if *full {
		c = isolation.Full()
	}
	for _, item := range list(*sizes) {
		line, size, _ := strings.Cut(item, ":")
		i := slices.IndexFunc(c.Lines, func(l isolation.Line) bool { return strconv.Itoa(l.Number) == line })
		n, err := strconv.Atoi(size)
		if i < 0 || err != nil || n < 2 || c.Lines[i].Size < 2 {
			t.Fatalf("-isolation.sizes: %q is not LINE:SIZE", item)
		}
		c.Lines[i].Size = n
	}
	if numbers := list(*chosen); len(numbers) > 0 {
		c.Lines = slices.DeleteFunc(c.Lines, func(l isolation.Line) bool { return !slices.Contains(numbers, strconv.Itoa(l.Number)) })
	}
	if len(c.Lines) == 0 || *factor < 0 || *factor > 10 {
		t.Fatal("the flags leave no line, or the factor is not from 1 to 10")
	}
	if *limit > 0 {
		c.Cap = *limit
	}
	for to, n := range map[*int]int{&c.Healthy: *healthy, &c.Factor: *factor, &c.Parallel: *parallel} {
		if n > 0 {
			*to = n
		}
	}
	return c
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// TestIsolation plays the lines, and fails on each that misses the goal.
func TestIsolation(t *testing.T) {
	c := form(t)
	if err := process.ReadSources(filepath.Join("..", "..")); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.Binaries, err = environment.Build(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	report, err := isolation.Run(t.Context(), c)
	if err != nil {
		t.Error(err)
	}
	fmt.Println(report.Table())
	fmt.Printf("%d lines in %s\n", len(report.Lines), time.Since(begun).Round(time.Second))
	if *output != "" {
		if err := report.WriteJSON(*output); err != nil {
			t.Error(err)
		}
	}
	for _, m := range report.Missed() {
		t.Errorf("line %d misses the goal; logs are in %s", m.Line, m.Logs)
	}
}

// The judge must notice a healthy user who is late or has no result.
func TestMet(t *testing.T) {
	alone := isolation.Times{Seconds: []float64{0.1, 0.1, 0.4}}
	for name, test := range map[string]struct {
		alone, beside isolation.Times
		want          bool
	}{
		"as fast as alone":            {alone, alone, true},
		"within the goal":             {alone, isolation.Times{Seconds: []float64{1.2, 1.2, 1.2}}, true},
		"one user is late":            {alone, isolation.Times{Seconds: []float64{0.1, 0.1, 1.4}}, false},
		"the last user has no result": {alone, isolation.Times{Seconds: []float64{0.1, 0.1}, More: true}, false},
		"nobody has a result":         {alone, isolation.Times{More: true}, false},
		"nobody was measured":         {alone, isolation.Times{}, false},
		"nobody was measured alone":   {isolation.Times{}, alone, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isolation.Met(test.alone, test.beside); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestReport(t *testing.T) {
	r := isolation.Report{Factor: 10, Healthy: 3, CapSeconds: 4, Lines: []isolation.Measurement{
		{Line: 1, Trouble: "rain", Vendor: "miestro", Rate: 50, Met: true, Alone: isolation.Times{Seconds: []float64{0.01, 0.02, 0.03}}, Beside: isolation.Times{Seconds: []float64{0.5, 1.26, 0.6}}},
		{Line: 2, Trouble: "snow", Vendor: "meiro", Rate: 100, Alone: isolation.Times{Seconds: []float64{0.01}}, Beside: isolation.Times{More: true}},
		{Line: 3, Trouble: "hail", Vendor: "meiro", Rate: 100, Alone: isolation.Times{Seconds: []float64{0.01}}, Beside: isolation.Times{Seconds: []float64{0.1, 0.2}, More: true}},
	}}
	got := r.Table()
	for _, want := range []string{
		"scaled by 10",
		"| 1 | rain | miestro, 50/s | 20 ms / 30 ms | 600 ms / 1.3s | met |",
		"| 2 | snow | meiro, 100/s | 10 ms / 10 ms | more than 4 s | missed |",
		"| 3 | hail | meiro, 100/s | 10 ms / 10 ms | 200 ms / more than 4 s | missed |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
	if missed := r.Missed(); len(missed) != 2 || missed[0].Line != 2 || missed[1].Line != 3 {
		t.Errorf("missed: got %v, want lines 2 and 3", missed)
	}
	file := filepath.Join(t.TempDir(), "report.json")
	if err := r.WriteJSON(file); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"more": true`) {
		t.Errorf("got %s, %v", text, err)
	}
}
