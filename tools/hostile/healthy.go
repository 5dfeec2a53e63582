package hostile

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/environment"
)

// patience is the longest wait for a healthy user: far longer than a busy machine needs.
const patience = 2 * time.Minute

// healthy creates users one after another until ctx ends, each over HTTP, and waits for the result
// of the healthy vendor. The user in hand at the end of ctx is finished.
func (w *world) healthy(ctx context.Context, p *Phase) error {
	for ctx.Err() == nil {
		begun := time.Now()
		if err := w.create(context.WithoutCancel(ctx), p); err != nil {
			return err
		}
		p.Times = append(p.Times, time.Since(begun))
		p.Users++
	}
	return nil
}

// create creates one healthy user.
func (w *world) create(ctx context.Context, p *Phase) error {
	begun := time.Now()
	w.users++
	id := fmt.Sprint("well-", w.users)
	event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/school","type":"user.created","data":{"user_id":%q,"email":"%s@example.org"}}`, id, id, id)
	err := w.Until(ctx, patience, "the healthy sender gets 202", func() bool {
		status := w.post(ctx, w.client, "/events", http.Header{"Authorization": {"Bearer " + healthyToken}, "Content-Type": {events.ContentType}}, event)
		if status != http.StatusAccepted {
			p.Refused++
		}
		return status == http.StatusAccepted
	})
	if err != nil {
		return err
	}
	p.Accepted = append(p.Accepted, time.Since(begun))
	var found []environment.Result
	if err := w.Until(ctx, patience, "the result of a healthy user is there", func() bool {
		found = w.results.Of(id)
		return len(found) > 0
	}); err != nil {
		return err
	}
	if found[0].Outcome != events.Done {
		return fmt.Errorf("the creation of %s ended as %q", id, found[0].Outcome)
	}
	return nil
}

// post posts a body, and returns the status, 0 without an answer.
func (w *world) post(ctx context.Context, client *http.Client, path string, header http.Header, body string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.worker.Addr()+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header = header
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}
