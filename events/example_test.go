package events_test

import (
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/usherhq/usher/events"
)

// A producer makes an event, and writes it as a message for NATS.
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

// What is no CloudEvent is refused, with the place and the rule.
func ExampleParse() {
	_, err := events.Parse([]byte(`{"specversion": "1.0", "id": "1", "id": "2", "source": "/school", "type": "user.deleted"}`))
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		fmt.Println(invalid.Pointer, invalid.Rule)
	}
	// Output: /id duplicate-name
}

// What a result is called, where it is published, and its id, which depends on the
// event, the vendor and the number of replays alone.
func ExampleResultID() {
	kind := events.ResultType(events.UserCreated, events.AlreadyDone)
	fmt.Println(events.ResultSubject(kind, "miestro"))
	fmt.Println(events.ResultID(events.Key("/school", "ada-joined"), "miestro", 0))
	// Output:
	// user.provisioned.miestro
	// 985d5950616c05af87b7e96ad1f59270
}
