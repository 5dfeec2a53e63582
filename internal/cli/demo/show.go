package demo

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/mailbox"
)

// show prints the progress of the demo: bars on a terminal, and a table at the end. With --json,
// the output goes to standard error.
type show struct {
	out  io.Writer
	live bool // a terminal

	bars  progress.Writer
	mu    sync.Mutex
	lines map[string]*progress.Tracker // by vendor
	again map[string]int               // failed attempts, by vendor
}

func newShow(a *app.App, asJSON bool) *show {
	out := a.Stdout
	if asJSON {
		out = a.Stderr
	}
	if !output.IsTerminal(out) || a.Getenv("NO_COLOR") != "" {
		text.DisableColors()
	}
	return &show{out: out, live: output.IsTerminal(out), lines: map[string]*progress.Tracker{}, again: map[string]int{}}
}

func (s *show) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format+"\n", args...) }

// begin prints an introduction, and draws a bar for each vendor.
func (s *show) begin(e *environment, expected map[Effect]bool) {
	s.printf("A term at a school: %d pupils, %d events (%d published, with duplicates",
		len(e.term.Pupils), len(e.term.events), len(e.term.Published))
	s.printf("and out of order), %d changes at five vendors that fail %.0f %% of their calls.", len(expected), 100*e.Faults)
	s.printf("Failures in red are faults that the stand-ins make on purpose.\n")
	s.printf("Console: http://%s/console/\n", e.config.HTTP.Addr)
	if !s.live {
		return
	}
	totals := map[string]int64{}
	for e := range expected {
		totals[e.vendor]++
	}
	s.bars = progress.NewWriter()
	s.bars.SetOutputWriter(s.out)
	s.bars.SetAutoStop(false)
	s.bars.SetUpdateFrequency(100 * time.Millisecond)
	s.bars.SetMessageLength(26)
	s.bars.SetTrackerLength(16)
	s.bars.SetStyle(progress.StyleBlocks)
	s.bars.SetTrackerPosition(progress.PositionRight)
	s.bars.Style().Options.PercentFormat = "%4.0f %%"
	s.bars.Style().Options.TimeInProgressPrecision = 100 * time.Millisecond
	s.bars.Style().Options.TimeDonePrecision = 100 * time.Millisecond
	s.bars.Style().Visibility.ETA = false
	s.bars.Style().Visibility.Speed = true
	s.bars.Style().Colors = progress.StyleColorsExample
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		s.lines[name] = &progress.Tracker{Message: name, Total: totals[name]}
		s.bars.AppendTracker(s.lines[name])
	}
	go s.bars.Render()
}

// observe moves the bar of a vendor.
func (s *show) observe(e mailbox.Observation) {
	if !s.live {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bar := s.lines[e.Vendor]
	if bar == nil {
		return
	}
	if e.Outcome != "" {
		bar.Increment(1)
		return
	}
	s.again[e.Vendor]++
	bar.UpdateMessage(fmt.Sprintf("%-9s %4d tried again", e.Vendor, s.again[e.Vendor]))
}

// end stops the bars.
func (s *show) end() {
	if s.bars == nil {
		return
	}
	for _, bar := range s.lines {
		bar.MarkAsDone()
	}
	s.bars.Stop()
	for s.bars.IsRenderInProgress() {
		time.Sleep(10 * time.Millisecond)
	}
	s.printf("")
}

// outcome prints the outcomes as a table, and the comparison with the stand-ins.
func (s *show) outcome(o *outcome) {
	head := []string{"vendor"}
	for _, kind := range outcomeKinds {
		head = append(head, titles[kind])
	}
	head = append(head, "calls", "faults")
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(o.vendors)) {
		rows = append(rows, row(name, o.vendors[name], o.calls[name], o.faults[name]))
	}
	rows = append(rows, row("all", o.Outcomes, o.Calls, o.Faults))
	if s.live {
		_, _ = fmt.Fprint(s.out, output.Table{Head: head, Rows: rows, Width: output.Columns(s.out)})
	} else {
		_ = output.Tabbed(s.out, slices.Insert(rows, 0, head))
	}
	s.verdict(o)
}

// titles are the heads of the columns of the outcomes: with them, the table fits 80 columns.
var titles = map[string]string{
	events.Done: "done", events.AlreadyDone: "already", events.Superseded: "older", events.Unsupported: "cannot", events.Skipped: "skipped", events.Failed: "failed",
}

func row(name string, outcomes map[string]int, calls, faults int) []string {
	r := []string{name}
	for _, kind := range outcomeKinds {
		r = append(r, strconv.Itoa(outcomes[kind]))
	}
	return append(r, strconv.Itoa(calls), strconv.Itoa(faults))
}

// verdict prints the comparison with the stand-ins.
func (s *show) verdict(o *outcome) {
	s.printf("")
	s.printf("Asked the stand-ins: %d facts looked up, %d lost, %d done twice;", o.Checked, o.Lost, o.Double)
	s.printf("%d of %d effects unfinished; %.1f s.", o.Unfinished, o.Effects+o.Unfinished, float64(o.ElapsedMS)/1000)
	const maxLines = 10
	for _, list := range [][]string{o.found.lost, o.found.double} {
		for i, line := range list {
			if i == maxLines {
				s.printf("  … and %d more", len(list)-maxLines)
				break
			}
			s.printf("  %s", line)
		}
	}
	if n := o.Outcomes[events.Failed]; n > 0 {
		s.printf("%s: effects that failed for good, and wait for a person (usher dead list --by cause).", output.Count(n, "dead letter"))
		s.printf("%s wait for them: no loss.", output.Count(o.Waiting, "missing fact"))
	}
	if o.clean() {
		s.printf("%s", text.FgGreen.Sprint("Nothing lost, nothing done twice."))
	} else {
		s.printf("%s", text.FgRed.Sprint("This should not be: please report it, with the seed."))
	}
}

// fault prints the error of a part that ended too early.
func (s *show) fault(err error) {
	if err != nil {
		s.printf("usher itself ended: %v", err)
	}
}

// printNextSteps prints commands to try while the demo runs.
func (s *show) printNextSteps(e *environment) {
	s.printf("\nThe demo is still running. Open this address in a browser:\n\n  http://%s/console/\n\nIn another terminal:\n", e.config.HTTP.Addr)
	if name := asCommand(); name != "usher" {
		s.printf("  alias usher='%s'", name)
	}
	s.printf("  export USHER_NATS_URL=%s", e.nats)
	s.printf("  usher results --follow             the results of all events")
	s.printf("  usher status --watch               the state of each vendor")
	s.printf("  echo '{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/me\",\"type\":\"user.created\",")
	s.printf("         \"data\":{\"user_id\":\"ada\",\"email\":\"ada@example.org\"}}' | usher send -")
	s.printf("             or: curl -d @- -H 'Content-Type: application/cloudevents+json' \\")
	s.printf("                      http://%s/events", e.config.HTTP.Addr)
	s.printf("  usher results --user ada           the results of this event")
	s.printf("  curl http://%s/state   the data of the vendors", e.host)
	s.printf("  curl http://%s/metrics   the metrics for Prometheus\n", e.config.HTTP.Addr)
	s.printf("Ctrl-C ends it.")
}

// asCommand returns the command that runs this program in the present directory: usher, if usher
// is on the path.
func asCommand() string {
	if _, err := exec.LookPath("usher"); err == nil {
		return "usher"
	}
	self, err := os.Executable()
	if err != nil || strings.Contains(self, "go-build") { // a temporary binary of go run
		return "go run ./cmd/usher"
	}
	return self
}
