package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/process"
)

// batchSize is the number of events in a batch.
const batchSize = 100

// tally counts the answers to the senders.
type tally struct {
	posts, refused, broken atomic.Int64

	mu       sync.Mutex
	answered []string // ids of events answered with 202
}

func (t *tally) add(ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered = append(t.answered, ids...)
}

// count returns the number of events answered with 202.
func (t *tally) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.answered)
}

// parcel is the body of one request.
type parcel struct {
	contentType string
	ids         []string
	body        []byte
}

// postAll posts all events, alternately a hundred one by one and a hundred in a batch.
func postAll(ctx context.Context, c EndpointConfig, url string, t *tally) error {
	group, ctx := errgroup.WithContext(ctx)
	parcels := make(chan parcel)
	group.Go(func() error {
		defer close(parcels)
		return pack(ctx, c.Events, parcels)
	})
	transport := &http.Transport{MaxIdleConnsPerHost: c.Senders}
	defer transport.CloseIdleConnections()
	s := &sender{client: &http.Client{Transport: transport}, url: url, tally: t}
	for range c.Senders {
		group.Go(func() error {
			for p := range parcels {
				if err := s.deliver(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// pack makes the request bodies of n events.
func pack(ctx context.Context, n int, to chan<- parcel) error {
	for first, batch := 0, false; first < n; first, batch = first+batchSize, !batch {
		whole := parcel{contentType: events.BatchContentType, body: []byte("[")}
		for i := first; i < min(n, first+batchSize); i++ {
			id, body, err := numbered(i)
			if err != nil {
				return err
			}
			if batch {
				whole.ids, whole.body = append(whole.ids, id), append(append(whole.body, body...), ',')
				continue
			}
			if !hand(ctx, to, parcel{contentType: events.ContentType, ids: []string{id}, body: body}) {
				return ctx.Err()
			}
		}
		if batch {
			whole.body[len(whole.body)-1] = ']'
			if !hand(ctx, to, whole) {
				return ctx.Err()
			}
		}
	}
	return nil
}

// hand passes a parcel to a free sender. Reports false if ctx ends before.
func hand(ctx context.Context, to chan<- parcel, p parcel) bool {
	select {
	case to <- p:
		return true
	case <-ctx.Done():
		return false
	}
}

// numbered returns the n-th event in structured mode. The data are valid for all types.
func numbered(n int) (id string, body []byte, err error) {
	id = fmt.Sprintf("e%06d", n)
	user, types := n/4, events.Types()
	e, err := events.New(types[n%len(types)], scenario.Source, id, scenario.Start.Add(time.Duration(n)*time.Second), map[string]any{
		"user_id": userID(user), "email": email(user), "course_id": "algebra", "name": "lesson_viewed",
	})
	if err != nil {
		return "", nil, err
	}
	_, body, err = events.ToNATS(e)
	return id, body, err
}

// sender posts parcels.
type sender struct {
	client *http.Client
	url    string
	tally  *tally
}

// deliver posts a parcel until the answer is 202.
func (s *sender) deliver(ctx context.Context, p parcel) error {
	for {
		taken, err := s.post(ctx, p)
		if taken || err != nil {
			return err
		}
		if !process.Sleep(ctx, 20*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// post posts a parcel once. taken is false after a request to retry or without an answer. Any other
// answer than 202 is an error.
func (s *sender) post(ctx context.Context, p parcel) (taken bool, err error) {
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(limit, http.MethodPost, s.url, bytes.NewReader(p.body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", p.contentType)
	s.tally.posts.Add(1)
	response, err := s.client.Do(request)
	if err != nil {
		s.tally.broken.Add(1)
		return false, ctx.Err()
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusAccepted {
		s.tally.add(p.ids) // counted even if the rest of the answer is lost
	}
	said, unread := io.ReadAll(response.Body)
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		s.tally.refused.Add(1)
		return false, nil
	case response.StatusCode != http.StatusAccepted:
		return false, fmt.Errorf("status %d: %s", response.StatusCode, said)
	case unread != nil: // the endpoint was killed during the answer
		return true, nil
	}
	return true, names(said, p.ids)
}

// names returns an error if an answer with 202 does not name the posted events.
func names(said []byte, ids []string) error {
	var answer struct{ Accepted []string }
	if err := json.Unmarshal(said, &answer); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	if !slices.Equal(answer.Accepted, ids) {
		return fmt.Errorf("the answer names %d events instead of the %d posted", len(answer.Accepted), len(ids))
	}
	return nil
}
