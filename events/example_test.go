package events_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
)

// A producer creates an event and the message for NATS.
func ExampleNew() {
	joined := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	e, err := events.New(events.UserCreated, "/school", "ada-joined", joined, events.UserCreatedData{
		UserID: "ada", Email: "ada@example.org", FirstName: "Ada",
	})
	if err != nil {
		log.Fatal(err)
	}
	header, payload, err := events.ToNATS(e)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(header[events.HeaderContentType], header[events.HeaderMsgID])
	fmt.Println(string(payload))
	// Output:
	// [application/cloudevents+json] [b55f06f30677c175175d26fcc9206e85]
	// {"specversion":"1.0","id":"ada-joined","source":"/school","type":"user.created","time":"2026-09-01T08:00:00Z","datacontenttype":"application/json","data":{"user_id":"ada","email":"ada@example.org","first_name":"Ada"}}
}

// A consumer reads a message in binary mode.
func ExampleFromNATS() {
	header := map[string][]string{
		"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/school"}, "Ce-Type": {"user.deleted"},
		"Content-Type": {"application/json"},
	}
	e, err := events.FromNATS(header, []byte(`{"user_id": "ada"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Type(), e.ID(), events.UserID(e))
	// Output: user.deleted 1 ada
}

// An invalid event is rejected with pointer and rule.
func ExampleParse() {
	_, err := events.Parse([]byte(`{"specversion": "1.0", "id": "1", "id": "2", "source": "/school", "type": "user.deleted"}`))
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		fmt.Println(invalid.Pointer, invalid.Rule)
	}
	// Output: /id duplicate-name
}

// The id of a result depends only on the event, the vendor and the number of replays.
func ExampleResultID() {
	kind := events.ResultType(events.UserCreated, events.AlreadyDone)
	fmt.Println(events.ResultSubject(kind, "miestro"))
	fmt.Println(events.ResultID(events.Key("/school", "ada-joined"), "miestro", 0))
	// Output:
	// user.provisioned.miestro
	// 985d5950616c05af87b7e96ad1f59270
}

// A request carries one event or a batch.
func ExampleFromHTTP() {
	header := http.Header{"Content-Type": {events.BatchContentType}}
	body := `[{"specversion": "1.0", "id": "1", "source": "/school", "type": "user.deleted", "data": {"user_id": "ada"}},
		{"specversion": "1.0", "id": "2", "source": "/school", "type": "user.deleted", "data": {"user_id": "max"}}]`
	list, batch, err := events.FromHTTP(header, []byte(body))
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range list {
		fmt.Println(batch, e.ID(), events.UserID(e))
	}
	// Output:
	// true 1 ada
	// true 2 max
}

// A batch is rejected as a whole, with the reason for each invalid event.
func ExampleBatchError() {
	header := http.Header{"Content-Type": {events.BatchContentType}}
	_, _, err := events.FromHTTP(header, []byte(`[{"specversion": "1.0", "id": "1", "type": "user.deleted"}]`))
	if batch, ok := errors.AsType[*events.BatchError](err); ok {
		for _, f := range batch.Faults {
			fmt.Println(f.Index, f.ID, f.Err.Pointer, f.Err.Rule)
		}
	}
	// Output: 0 1 /source required
}

// Each accepted event type is also a NATS subject.
func ExampleTypes() {
	for _, kind := range events.Types() {
		fmt.Println(kind, events.ScopeOf(kind))
	}
	// Output:
	// user.created life
	// user.updated data
	// user.deleted life
	// user.restored life
	// enrollment.requested course
	// enrollment.cancelled course
	// activity.tracked activity
}

// The outcome decides about the type of a result.
func ExampleResultType() {
	for _, outcome := range []string{events.Done, events.AlreadyDone, events.Superseded, events.Failed} {
		fmt.Println(outcome, events.ResultType(events.UserCreated, outcome))
	}
	// Output:
	// done user.provisioned
	// already_done user.provisioned
	// superseded user.provisioning.skipped
	// failed user.provisioning.failed
}

// Source and id identify an event on every transport.
func ExampleKey() {
	fmt.Println(events.Key("/school", "ada-joined"))
	// Output: e392061ac1aab7984161833f58471870
}

// A producer limits the life of an event by the extension expirytime.
func ExampleExpired() {
	e, err := events.Parse([]byte(`{"specversion": "1.0", "id": "1", "source": "/school", "type": "activity.tracked",
		"expirytime": "2026-09-01T08:00:00Z"}`))
	if err != nil {
		log.Fatal(err)
	}
	end := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	fmt.Println(events.Expired(e, end.Add(-time.Second)), events.Expired(e, end))
	// Output: false true
}

// A result refers to the request as the cause.
func ExampleNewResult() {
	request, err := events.New(events.UserDeleted, "/school", "1", time.Unix(0, 0), events.UserDeletedData{UserID: "ada"})
	if err != nil {
		log.Fatal(err)
	}
	result, err := events.NewResult(events.ResultOf{
		Request: request, Key: events.Key("/school", "1"), Source: "/usher", At: time.Unix(1, 0),
		Result: events.Result{Vendor: "miestro", Outcome: events.Done, Attempts: 1},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Type(), result.Subject(), events.Extension(result, "causationid"))
	// Output: user.deprovisioned ada 1
}
