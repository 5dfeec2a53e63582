package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// pipes has the events of a Pipes source. The callers hold the vendor's lock.
type pipes struct {
	seen      map[string]int // index in events by type, time and identifiers
	events    []Event
	customers userStore
}

// pipesEvent is an event in Pipes' internal form.
type pipesEvent struct {
	Type        string            `json:"event_type"`
	Time        string            `json:"event_time"`
	Identifiers map[string]string `json:"identifiers"`
	Payload     struct {
		Origin string `json:"origin"`
		Course string `json:"course_id"`
		First  string `json:"first_name"`
		Last   string `json:"last_name"`
		Phone  string `json:"phone"`
		Locale string `json:"locale"`
		Zone   string `json:"time_zone"`
		Attrs  object `json:"attributes"`
	} `json:"event_payload"`
}

// collect accepts an event and silently drops a repeat.
func (p *pipes) collect(w http.ResponseWriter, r *http.Request) {
	if !validCredential(r.PathValue("slug")) {
		answer(w, http.StatusNotFound, object{"message": "there is no such source"})
		return
	}
	var in pipesEvent
	valid := decode(r, &in)
	at, err := time.Parse(time.RFC3339, in.Time)
	if !valid || err != nil || in.Type == "" || len(in.Identifiers) == 0 {
		answer(w, http.StatusBadRequest, object{"message": "the event does not match the schema of the source"})
		return
	}
	identifiers, _ := json.Marshal(in.Identifiers) // a map of texts, with sorted names
	id := in.Type + "\x00" + at.UTC().String() + "\x00" + string(identifiers)
	place, known := p.seen[id]
	if !known {
		place = len(p.events)
		p.seen[id] = place
		p.events = append(p.events, Event{
			Key: in.Payload.Origin, UserID: in.Identifiers["user_id"], Name: in.Type, At: at, Recorded: 1,
		})
		p.apply(in)
	}
	p.events[place].Received++
	answer(w, http.StatusOK, object{"status": "ok"})
}

// apply changes users and enrolments by our own events, as a workspace might.
func (p *pipes) apply(in pipesEvent) {
	user := in.Identifiers["user_id"]
	customer := User{
		ID: user, Kind: "customer", External: user, Email: in.Identifiers["email"], Name: fullName(in.Payload.First, in.Payload.Last),
		Phone: in.Payload.Phone, Locale: in.Payload.Locale, TimeZone: in.Payload.Zone, Attributes: attributes(in.Payload.Attrs),
	}
	switch in.Type {
	case "user_created":
		p.customers.create(customer)
	case "user_updated":
		p.customers.update(customer)
	case "user_deleted":
		p.customers.erase(customer)
	case "user_restored":
		p.customers.restore(customer)
	case "enrollment_requested":
		p.customers.enroll(user, in.Payload.Course)
	case "enrollment_cancelled":
		p.customers.leave(user, in.Payload.Course)
	}
}

func (p *pipes) state() VendorState {
	return VendorState{
		Users: slices.Clone(p.customers.users), Enrollments: slices.Clone(p.customers.enrolled), Events: slices.Clone(p.events),
	}
}
