package schemas_test

import (
	"fmt"
	"log"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/schemas"
)

// A producer checks its events before it sends them.
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
