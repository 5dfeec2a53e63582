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

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/mailbox"
)

// show is what the demo tells a person: bars while it runs on a terminal, and a
// table at the end. With --json it speaks on standard error.
type show struct {
	out  io.Writer
	live bool // a terminal

	bars  progress.Writer
	mu    sync.Mutex
	lines map[string]*progress.Tracker // by vendor
	again map[string]int               // attempts that are to be repeated, by vendor
}

func newShow(a *app.App, asJSON bool) *show {
	out := a.Stdout
	if asJSON {
		out = a.Stderr
	}
	if !output.IsTerminal(out) {
		text.DisableColors()
	}
	return &show{out: out, live: output.IsTerminal(out), lines: map[string]*progress.Tracker{}, again: map[string]int{}}
}

func (s *show) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format+"\n", args...) }

// begin tells what is going to happen, and draws a bar for each vendor.
func (s *show) begin(st *stage, expected map[Effect]bool) {
	s.say("A term at a school: %d pupils, %d events (%d published, with duplicates",
		len(st.school.Pupils), len(st.school.events), len(st.school.Published))
	s.say("and out of order), %d changes at five vendors that fail %.0f %% of their calls.", len(expected), 100*st.Faults)
	s.say("Watch it: http://%s/console/\n", st.config.HTTP.Addr)
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

// seen moves a vendor's bar.
func (s *show) seen(e mailbox.Observation) {
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

// end lets the bars come to rest.
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
	s.say("")
}

// outcome prints the table of what came of it, and the check against the stand-ins.
func (s *show) outcome(o *outcome) {
	head := []string{"vendor"}
	for _, kind := range outcomeKinds {
		head = append(head, strings.ReplaceAll(kind, "_", " "))
	}
	head = append(head, "calls", "faults")
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(o.vendors)) {
		rows = append(rows, row(name, o.vendors[name], o.calls[name], o.faults[name]))
	}
	rows = append(rows, row("all", o.Outcomes, o.Calls, o.Faults))
	if s.live {
		_, _ = io.WriteString(s.out, output.Table(head, rows, output.Columns(s.out)))
	} else {
		_ = output.Tabbed(s.out, slices.Insert(rows, 0, head))
	}
	s.verdict(o)
}

func row(name string, outcomes map[string]int, calls, faults int) []string {
	r := []string{name}
	for _, kind := range outcomeKinds {
		r = append(r, strconv.Itoa(outcomes[kind]))
	}
	return append(r, strconv.Itoa(calls), strconv.Itoa(faults))
}

// verdict says what the stand-ins hold against what was asked.
func (s *show) verdict(o *outcome) {
	s.say("")
	s.say("Asked the stand-ins: %d facts looked up, %d lost, %d done twice;", o.Checked, o.Lost, o.Double)
	s.say("%d of %d effects unfinished; %.1f s.", o.Unfinished, o.Effects+o.Unfinished, float64(o.ElapsedMS)/1000)
	const most = 10
	for _, list := range [][]string{o.found.lost, o.found.double} {
		for i, line := range list {
			if i == most {
				s.say("  … and %d more", len(list)-most)
				break
			}
			s.say("  %s", line)
		}
	}
	if o.clean() {
		s.say("%s", text.FgGreen.Sprint("Nothing lost, nothing done twice."))
	} else {
		s.say("%s", text.FgRed.Sprint("This should not be: please report it, with the seed."))
	}
}

// fault tells why the workers ended, where that was not asked for.
func (s *show) fault(err error) {
	if err != nil {
		s.say("usher itself ended: %v", err)
	}
}

// whatNext tells what can be tried while all is running.
func (s *show) whatNext(st *stage) {
	s.say("\nAll of it is still running: see http://%s/console/ in a browser.\nIn another terminal:\n", st.config.HTTP.Addr)
	if name := asCommand(); name != "usher" {
		s.say("  alias usher='%s'", name)
	}
	s.say("  export USHER_NATS_URL=%s", st.nats)
	s.say("  usher results --follow             what came of each event")
	s.say("  usher status --watch               how each vendor stands")
	s.say("  echo '{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/me\",\"type\":\"user.created\",")
	s.say("         \"data\":{\"user_id\":\"ada\",\"email\":\"ada@example.org\"}}' | usher send -")
	s.say("             or: curl -d @- -H 'Content-Type: application/cloudevents+json' \\")
	s.say("                      http://%s/events", st.config.HTTP.Addr)
	s.say("  usher results --user ada           what came of it, at each vendor")
	s.say("  curl http://%s/state   what the vendors hold", st.host)
	s.say("  curl http://%s/metrics   what Prometheus sees\n", st.config.HTTP.Addr)
	s.say("Ctrl-C ends it.")
}

// asCommand returns what to call this program by, in the directory that it was
// started in: usher, where that is on the path.
func asCommand() string {
	if _, err := exec.LookPath("usher"); err == nil {
		return "usher"
	}
	self, err := os.Executable()
	if err != nil || strings.Contains(self, "go-build") { // where go run puts it, and takes it away
		return "go run ./cmd/usher"
	}
	return self
}
