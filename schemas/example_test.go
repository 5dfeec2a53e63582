package schemas_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/schemas"
)

// A producer checks an event before sending.
func ExampleSet_Validate() {
	set, err := schemas.New()
	if err != nil {
		log.Fatal(err)
	}
	e, err := events.Parse([]byte(`{"specversion": "1.0", "id": "1", "source": "/school", "type": "user.created", "data": {"user_id": "ada"}}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Validate(e))
	// Output: invalid event: /data/email: schema:required: send this member
}

// The schema of an event type is the contract for producers.
func ExampleJSON() {
	text, err := schemas.JSON(events.UserDeleted)
	if err != nil {
		log.Fatal(err)
	}
	var schema struct {
		ID       string   `json:"$id"`
		Required []string `json:"required"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		log.Fatal(err)
	}
	fmt.Println(schema.ID == schemas.ID(events.UserDeleted), schema.Required)
	// Output: true [user_id]
}

// The $id of a schema is the dataschema of the events.
func ExampleID() {
	fmt.Println(schemas.ID(events.UserCreated))
	fmt.Println(schemas.ID(events.ResultSchema))
	// Output:
	// https://usher.dev/schemas/user.created/v1
	// https://usher.dev/schemas/result/v1
}

// Each vendor of the sandbox has an OpenAPI document.
func ExampleVendorAPI() {
	document, err := schemas.VendorAPI("miestro")
	fmt.Println(len(document) > 0, err)
	_, err = schemas.VendorAPI("acme")
	fmt.Println(err)
	// Output:
	// true <nil>
	// there is no OpenAPI document of vendor "acme"
}
