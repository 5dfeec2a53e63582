package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/riverqueue/river"
)

// activity is a job: the event with its members for the vendor, unique by source and id.
type activity struct {
	ID     string `json:"id" river:"unique"`
	Source string `json:"source" river:"unique"`
	Data   struct {
		UserID     string          `json:"user_id"`
		Name       string          `json:"name"`
		OccurredAt time.Time       `json:"occurred_at"`
		Properties json.RawMessage `json:"properties"`
	} `json:"data"`
}

// Kind returns the kind of the job.
func (activity) Kind() string { return "activity" }

// InsertOpts makes the job unique among all jobs that are not removed yet.
func (activity) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// worker calls the vendor and publishes the result.
type worker struct {
	river.WorkerDefaults[activity]

	options options
	js      jetstream.JetStream
	client  *http.Client
}

// newClient returns a client with a connection for each concurrent job.
func newClient(concurrency int) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		MaxIdleConns: concurrency, MaxIdleConnsPerHost: concurrency, MaxConnsPerHost: concurrency, DisableCompression: true,
	}}
}

// Work works one job. River completes the jobs that returned nil, many in one transaction.
func (w *worker) Work(ctx context.Context, job *river.Job[activity]) error {
	if err := w.call(ctx, &job.Args); err != nil {
		return fmt.Errorf("call: %w", err)
	}
	if err := w.publish(ctx, &job.Args); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// call sends the activity to the vendor.
func (w *worker) call(ctx context.Context, a *activity) error {
	body, err := json.Marshal(map[string]any{
		"userId": a.Data.UserID, "eventName": a.Data.Name,
		"eventTime": a.Data.OccurredAt.Format("2006-01-02T15:04:05-0700"), "eventData": a.Data.Properties,
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.options.vendor, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+w.options.key)
	request.Header.Set("X-Request-Id", fmt.Sprintf("%032x", a.ID))
	answer, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

// publish publishes the result and waits for the acknowledgement.
func (w *worker) publish(ctx context.Context, a *activity) error {
	id := a.ID + ".usermost"
	payload, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": "/river", "type": "activity.recorded", "subject": a.Data.UserID,
		"time": time.Now().UTC(), "datacontenttype": "application/json", "causationid": a.ID,
		"data": map[string]string{"vendor": "usermost", "outcome": "done"},
	})
	if err != nil {
		return err
	}
	_, err = w.js.PublishMsg(ctx, &nats.Msg{Subject: w.options.subject, Data: payload, Header: nats.Header{
		"Content-Type": {"application/cloudevents+json"}, jetstream.MsgIDHeader: {id},
	}})
	return err
}
