package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Report holds all figures of one run of usher-bench.
type Report struct {
	Date       string            `json:"date"`
	Command    string            `json:"command"`
	Machine    Machine           `json:"machine"`
	Versions   map[string]string `json:"versions"`
	Series     []Series          `json:"series"`
	Startup    *Startup          `json:"startup,omitempty"`
	Soak       *Soak             `json:"soak,omitempty"`
	Accounts   *Accounts         `json:"accounts,omitempty"`
	Cluster    *ClusterAccounts  `json:"cluster,omitempty"`
	Remembered *Remembered       `json:"remembered,omitempty"`
	Goals      []Goal            `json:"goals,omitempty"`
}

var columns = []string{
	"contestant", "events/s", "calls/s", "publish → call p50 / p99", "publish → result p50 / p99", "CPU s / 1,000", "of NATS", "allocations / event", "memory", "others",
}

// cells returns the figures of a contestant, in the order of the columns.
func (r Run) cells() []string {
	const unknown = "–"
	allocations, memory := unknown, unknown
	server, others := unknown, unknown
	if r.Allocs != nil {
		allocations = fmt.Sprintf("%.0f", *r.Allocs)
	}
	if r.PeakMB > 0 { // on Linux, with all other figures
		memory = fmt.Sprintf("%.0f MB", r.PeakMB)
		server, others = fmt.Sprintf("%.2f", r.Server), fmt.Sprintf("%.0f %%", 100*r.Others)
	}
	return []string{
		r.Contestant, fmt.Sprintf("%.0f", r.Events), fmt.Sprintf("%.0f", r.Calls),
		percentiles(r.CallP50, r.CallP99), percentiles(r.ResultP50, r.ResultP99), fmt.Sprintf("%.2f", r.CPU), server, allocations, memory, others,
	}
}

func percentiles(p50, p99 float64) string {
	if p50 == 0 && p99 == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f / %.1f ms", p50, p99)
}

// title returns the name and parameters of a series.
func (s Series) title() string {
	parts := []string{fmt.Sprintf("%s: %d events", s.Name, s.Events)}
	if s.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%d a second", s.Rate))
	}
	if s.DelayMS > 0 {
		parts = append(parts, fmt.Sprintf("vendor delay %g ms", s.DelayMS))
	}
	rounds := "medians of " + fmt.Sprint(s.Rounds)
	if s.Rounds == 1 {
		rounds = "one round"
	}
	return strings.Join(append(parts, fmt.Sprintf("concurrency %d", s.Concurrency), rounds), ", ")
}

// comparisons returns the ratios between the contestants, a line each.
func (s Series) comparisons() (list []string) {
	if s.Rate > 0 {
		return nil // the plan sets the rate
	}
	for _, r := range s.Ratios {
		list = append(list, fmt.Sprintf("%s = %.2f × %s (%.2f–%.2f)", r.Of, r.Median, r.To, r.Min, r.Max))
	}
	const long = 100_000 // events; shorter runs have no meaningful tenths
	for _, r := range s.Medians {
		if s.Events >= long && len(r.Tenths) > 0 {
			list = append(list, fmt.Sprintf("%s, effects/s by tenth of the run: %s", r.Contestant, strings.Trim(fmt.Sprintf("%.0f", r.Tenths), "[]")))
		}
	}
	return list
}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	for _, s := range r.Series {
		fmt.Fprintf(&b, "%s\n", s.title())
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "  "+strings.Join(columns, "\t"))
		for _, m := range s.Medians {
			fmt.Fprintln(t, "  "+strings.Join(m.cells(), "\t"))
		}
		if err := t.Flush(); err != nil {
			return err
		}
		for _, line := range s.comparisons() {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		b.WriteString("\n")
	}
	if r.Soak != nil {
		b.WriteString(r.Soak.text())
	}
	if r.Accounts != nil {
		b.WriteString(r.Accounts.text())
	}
	if r.Cluster != nil {
		b.WriteString(r.Cluster.text())
	}
	if r.Remembered != nil {
		b.WriteString(r.Remembered.text())
	}
	if len(r.Goals) > 0 {
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, g := range r.Goals {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", met(g.Met), g.Load, g.Goal, g.Reached)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "not met"
}
