package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	writeTime      = 10 * time.Second // of a browser for reading
	keepAliveEvery = 15 * time.Second // of a comment that keeps the connection alive
)

// message is a server-sent event: HTML for htmx to swap in, or with a name, an event in the
// browser.
type message struct{ name, data string }

// stream calls next repeatedly and sends the messages, until the browser leaves, or the session or
// the console ends. The limits of the server for a request do not apply.
func (c *Console) stream(w http.ResponseWriter, v *visit, pause time.Duration, next func(*follower) ([]message, error)) {
	f, leave := c.hub.join(v.who.Name)
	if f == nil {
		c.refuse(w, v.Request, &refusal{status: http.StatusServiceUnavailable, title: "Too many watch", text: "Close a page, or look at one that stands still."})
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // of nginx
	control := http.NewResponseController(w)
	var sent time.Time
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		list, err := next(f)
		if err != nil {
			c.deps.Log.Error().Err(err).Msg("console: the live page cannot be made")
			return
		}
		if len(list) > 0 || time.Since(sent) > keepAliveEvery {
			_ = control.SetWriteDeadline(time.Now().Add(writeTime))
			sent = time.Now()
			if write(w, list) != nil || control.Flush() != nil {
				return
			}
		}
		select {
		case <-v.Context().Done():
			return
		case <-c.hub.ending:
			return
		case now := <-ticker.C:
			if !v.who.expires.IsZero() && now.After(v.who.expires) || c.ended.has(v.who) {
				return
			}
		}
	}
}

// lineEnds makes all line ends equal: a browser ends a line at a CR too.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// write writes messages as server-sent events.
func write(w http.ResponseWriter, list []message) error {
	var out strings.Builder
	for _, m := range list {
		if m.name != "" {
			out.WriteString("event: " + m.name + "\n")
		}
		for line := range strings.Lines(lineEnds.Replace(m.data)) {
			out.WriteString("data: " + strings.TrimSuffix(line, "\n") + "\n")
		}
		out.WriteString("\n")
	}
	if len(list) == 0 {
		out.WriteString(": still here\n\n")
	}
	_, err := fmt.Fprint(w, out.String())
	return err
}
