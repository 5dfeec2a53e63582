package environment

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// ResultsStream is the stream of results (docs/design.md, section 4).
const ResultsStream = "RESULTS"

// Results are the results of the vendor, as they come in.
type Results struct {
	reading jetstream.ConsumeContext

	mu    sync.Mutex
	found map[string][]Result // by id of the event
}

// Result is a result in RESULTS.
type Result struct {
	At      time.Time // of the receipt
	Outcome string
}

// Listen receives all results of the vendor for events of some types, until the environment
// is closed. The stream must be there.
func (e *Environment) Listen(ctx context.Context, types ...string) (*Results, error) {
	var subjects []string
	for _, t := range types {
		for _, outcome := range []string{events.Done, events.Superseded, events.Failed} { // one of each name of a result
			subjects = append(subjects, events.ResultSubject(events.ResultType(t, outcome), e.config.Vendor))
		}
	}
	consumer, err := e.JS.OrderedConsumer(ctx, ResultsStream, jetstream.OrderedConsumerConfig{FilterSubjects: subjects})
	if err != nil {
		return nil, err
	}
	r := &Results{found: map[string][]Result{}}
	if r.reading, err = consumer.Consume(r.receive); err == nil {
		e.results = append(e.results, r)
	}
	return r, err
}

func (r *Results) close() {
	r.reading.Stop()
	<-r.reading.Closed()
}

func (r *Results) receive(m jetstream.Msg) {
	at := time.Now()
	e, err := events.FromNATS(m.Headers(), m.Data())
	if err != nil {
		return
	}
	var data events.Result
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		data.Outcome = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := events.Extension(e, "causationid")
	r.found[id] = append(r.found[id], Result{At: at, Outcome: data.Outcome})
}

// Of returns the results of an event.
func (r *Results) Of(id string) []Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.found[id])
}
