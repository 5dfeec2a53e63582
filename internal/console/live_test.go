package console_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/natstest"
)

// listen returns what a stream says until it has said the words.
func (b *browser) listen(path, words string) string {
	b.t.Helper()
	lines, end := b.follow(path)
	defer end()
	var heard strings.Builder
	for line := range lines {
		heard.WriteString(line + "\n")
		if strings.Contains(line, words) {
			return heard.String()
		}
	}
	b.t.Fatalf("%s never says %q:\n%s", path, words, heard.String())
	return ""
}

// follow opens a stream and returns its lines. A stream that goes on longer than the
// patience of tests ends, and fails the test.
func (b *browser) follow(path string) (lines <-chan string, end func()) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), natstest.Patience)
	answer, err := b.client.Do(b.request(http.MethodGet, path, nil).WithContext(ctx)) //nolint:bodyclose // end does
	if err != nil {
		b.t.Fatal(err)
	}
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		b.t.Fatalf("%s: %d %s", path, answer.StatusCode, got)
	}
	out := make(chan string, 1000)
	go func() {
		defer close(out)
		for scan := bufio.NewScanner(answer.Body); scan.Scan() && ctx.Err() == nil; {
			select {
			case out <- scan.Text():
			case <-ctx.Done():
			}
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			b.t.Errorf("%s goes on after %s", path, natstest.Patience)
		}
	}()
	return out, func() { cancel(); _ = answer.Body.Close() }
}

func heard(t *testing.T, lines <-chan string, words string) {
	t.Helper()
	for line := range lines {
		if strings.Contains(line, words) {
			return
		}
	}
	t.Fatalf("%q is never said", words)
}

func TestTheFeedLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	w.result(w.event("before", "u1"), events.Done, "")
	b := w.login(bobsToken)
	lines, end := b.follow("/console/live/feed?outcome=failed")
	defer end()
	heard(t, lines, `hx-swap="innerHTML"`)
	w.result(w.event("now", "u1"), events.Done, "")
	w.result(w.event("bad", "u1"), events.Failed, "no")
	for line := range lines {
		if strings.Contains(line, `data-event="before"`) || strings.Contains(line, `data-event="now"`) {
			t.Error("a row that does not match is sent")
		}
		if strings.Contains(line, `data-event="bad"`) {
			break
		}
	}
}

func TestAFloodIsCountedAndNotAllShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	lines, end := w.login(bobsToken).follow("/console/live/feed")
	defer end()
	heard(t, lines, `hx-swap="innerHTML"`)
	// The flood goes on until a beat of the follower brings more than the follower reads:
	// 200 in the first three seconds, 60 later.
	var flood errgroup.Group
	var published atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	for range 32 {
		flood.Go(func() error {
			for ctx.Err() == nil {
				result := w.resultOf(w.event(fmt.Sprint("many-", published.Add(1)), "u1"), events.Done, "")
				if err := w.streams.Results.Publish(t.Context(), "lead", result); err != nil {
					return err
				}
			}
			return nil
		})
	}
	heard(t, lines, "were only counted just now")
	stop()
	if err := flood.Wait(); err != nil {
		t.Fatal(err)
	}
	w.result(w.event("last", "u1"), events.Failed, "no")
	heard(t, lines, `data-event="last"`)
}

func TestTheOverviewLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	b := w.login(annsToken)
	lines, end := b.follow("/console/live/overview")
	defer end()
	heard(t, lines, `data-state="idle"`)
	w.result(w.event("e1", "u1"), events.Failed, "no")
	heard(t, lines, "1 failed")
	if status, _ := b.post("/console/vendors/lead/pause", "for", "1h", "reason", "tea"); status != http.StatusOK {
		t.Fatalf("pause: got %d", status)
	}
	heard(t, lines, "lead is paused")
	if status, _ := b.post("/console/vendors/lead/resume"); status != http.StatusOK {
		t.Fatalf("resume: got %d", status)
	}
	heard(t, lines, "lead is idle")
}

// A stream outlives the limits of the server for a request, and ends at once with
// the console.
func TestStreamsEndWithTheConsoleOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{Open: true})
	pages, err := console.New(console.Config{Open: true}, console.Deps{Service: w.service.Load, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(pages)
	const limit = time.Second
	web.Config.ReadTimeout, web.Config.WriteTimeout = limit, limit
	web.Start()
	defer web.Close()
	w.web = web
	b := w.browser()
	lines, end := b.follow("/console/live/overview")
	defer end()
	heard(t, lines, `data-state="idle"`)
	time.Sleep(2 * limit) // the limits of the server pass
	w.result(w.event("e1", "u1"), events.Failed, "no")
	heard(t, lines, "1 failed")
	pages.Close()
	for range lines { // until it ends
	}
	if answer, _ := b.do(b.request(http.MethodGet, "/console/live/feed", nil)); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a stream after the end: got %d", answer.StatusCode)
	}
}

func TestAssetsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{Open: true})
	b := w.browser()
	_, page := b.get("/console/")
	at := strings.Index(page, "/console/assets/")
	path, _, _ := strings.Cut(page[at:], `"`)
	answer, text := b.do(b.request(http.MethodGet, path, nil))
	if got := answer.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") || text == "" {
		t.Errorf("got %d, %q", answer.StatusCode, got)
	}
	if status, _ := b.get("/console/assets/0000000000000000/base.css"); status != http.StatusNotFound {
		t.Errorf("another digest: got %d, want 404", status)
	}
}
