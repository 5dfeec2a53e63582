package isolation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
)

// resultsStream is the stream of results (docs/design.md, section 4).
const resultsStream = "RESULTS"

// results reads the results of user.created at a vendor.
type results struct {
	reading jetstream.ConsumeContext

	mu      sync.Mutex
	awaited string // id of the event
	found   chan result
}

// result is what came of a healthy user.
type result struct {
	at      time.Time
	outcome string
}

func listen(ctx context.Context, js jetstream.JetStream, vendor string) (*results, error) {
	var subjects []string
	for _, outcome := range []string{events.Done, events.Superseded, events.Failed} {
		subjects = append(subjects, events.ResultSubject(events.ResultType(events.UserCreated, outcome), vendor))
	}
	consumer, err := js.OrderedConsumer(ctx, resultsStream, jetstream.OrderedConsumerConfig{FilterSubjects: subjects})
	if err != nil {
		return nil, err
	}
	r := &results{}
	r.reading, err = consumer.Consume(r.receive)
	return r, err
}

func (r *results) close() {
	r.reading.Stop()
	<-r.reading.Closed()
}

// receive delivers the result that is awaited.
func (r *results) receive(m jetstream.Msg) {
	at := time.Now()
	e, err := events.FromNATS(m.Headers(), m.Data())
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.awaited == "" || events.Extension(e, "causationid") != r.awaited {
		return
	}
	var data events.Result
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		data.Outcome = err.Error()
	}
	r.awaited = ""
	r.found <- result{at: at, outcome: data.Outcome}
}

// expect returns the channel of an event's result.
func (r *results) expect(id string) <-chan result {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaited, r.found = id, make(chan result, 1)
	return r.found
}

// measure creates healthy users one after the other and returns their times. No
// user is created once the cap of the run is over.
func (w *world) measure(ctx context.Context, name string) (Times, error) {
	times := Times{Seconds: []float64{}}
	for begun := time.Now(); len(times.Seconds) < w.config.Healthy && time.Since(begun) < w.config.Cap; {
		w.healthy++
		id := fmt.Sprintf("well-%s-%d", name, w.healthy)
		took, err := w.create(ctx, &scenario.User{ID: id, Email: id + "@example.org", First: "Ada", Last: "Berg"})
		if errors.Is(err, errCap) {
			times.More = true
			return times, nil
		}
		if err != nil {
			return times, err
		}
		times.Seconds = append(times.Seconds, took.Seconds())
	}
	return times, nil
}

// errCap means that a healthy user had no result within the cap.
var errCap = errors.New("no result within the cap")

// create publishes user.created of a healthy user, and returns the time to its
// result. The vendor must hold exactly one account of the user then.
func (w *world) create(ctx context.Context, u *scenario.User) (time.Duration, error) {
	w.writer.Create(u)
	found := w.results.expect(w.writer.Events[len(w.writer.Events)-1].ID())
	begun := time.Now()
	if err := w.publish(ctx); err != nil {
		return 0, err
	}
	limit := time.NewTimer(w.config.Cap)
	defer limit.Stop()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-limit.C:
		return 0, errors.Join(errCap, w.alive())
	case r := <-found:
		if r.outcome != events.Done {
			return 0, fmt.Errorf("the creation of %s ended as %q", u.ID, r.outcome)
		}
		return r.at.Sub(begun), w.holds(ctx, u)
	}
}

// holds returns an error unless the vendor holds one account of a user, created once.
func (w *world) holds(ctx context.Context, u *scenario.User) error {
	state, err := w.state(ctx)
	if err != nil {
		return err
	}
	created := 0
	for _, account := range state.Live() {
		if account.Email == u.Email {
			created += account.Creates
		}
	}
	if created != 1 {
		return fmt.Errorf("%s was created %d times at the vendor, want once", u.ID, created)
	}
	return nil
}

// publish stores the events written since the last time, in order.
func (w *world) publish(ctx context.Context) error {
	if w.writer.Err != nil {
		return w.writer.Err
	}
	for _, e := range w.writer.Events[w.published:] {
		m, err := scenario.Publication{Event: e}.Message()
		if err != nil {
			return err
		}
		if _, err := w.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
			return fmt.Errorf("publish %s: %w", e.ID(), err)
		}
	}
	w.published = len(w.writer.Events)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.js.PublishAsyncComplete():
		return nil
	}
}
