package events_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

// full is an event as a producer sends it, of about 1 kB.
var full = `{"specversion":"1.0","id":"8f14e45f-ceea-467f-a2f8-0c1e7c1d5b6a","source":"https://id.example.org/users","type":"user.created",` +
	`"subject":"u-1001","time":"2026-03-01T09:30:00Z","datacontenttype":"application/json","dataschema":"https://usher.dev/schemas/user.created/v1",` +
	`"traceparent":"` + traceparent + `","partitionkey":"u-1001","data":{"user_id":"u-1001","email":"ada.example@example.org",` +
	`"first_name":"Ada","last_name":"Example","locale":"de-AT","time_zone":"Europe/Vienna","phone":"+43 1 555 0100",` +
	`"attributes":{"team":"blue","seats":3,"tags":["a","b","c"],"note":"` + strings.Repeat("lorem ipsum ", 30) + `"}}}`

func TestKey(t *testing.T) {
	tests := map[string]struct{ source, id, want string }{
		"plain":    {"https://id.example.org/users", "u-1", "515b87980e8e2b48f110c826ceb5ceb9"},
		"split":    {"/a", "b", "c0e6dd647daf5fa25920855e208cb623"},
		"no id":    {"/a/b", "", "418c10e0d7a226e8f79cda9c61f24ad9"},
		"any text": {"/ü", "€", "8aaefa0425a25202b61fb26f1bfe4af9"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := events.Key(test.source, test.id); got != test.want {
				t.Errorf("Key: got %s, want %s", got, test.want)
			}
		})
	}
}

func TestMsgIDKeepsTypesApart(t *testing.T) {
	for kind, want := range map[string]string{"user.created": "429d5996d4e36955148f40bee91a5718", "user.deleted": "cb423c192232214487ce1631c9f5a003"} {
		if got := events.MsgID(kind, "/a", "b"); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
}

func TestSameEventSameKeyHoweverItCame(t *testing.T) {
	structured := mustParse(t, `{"specversion":"1.0","id":"a 1","source":"/S/%7Ea","type":"t"}`)
	binary, err := events.FromNATS(header{"ce-specversion": {"1.0"}, "CE-Id": {"a%201"}, "ce-source": {"/S/%257Ea"}, "ce-type": {"t"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, want := events.Key(binary.Source(), binary.ID()), events.Key(structured.Source(), structured.ID())
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTypes(t *testing.T) {
	kinds := []interface{ Kind() string }{
		events.UserCreatedData{},
		events.UserUpdatedData{},
		events.UserDeletedData{},
		events.UserRestoredData{},
		events.EnrollmentRequestedData{},
		events.EnrollmentCancelledData{},
		events.ActivityTrackedData{},
	}
	var got []string
	for _, k := range kinds {
		got = append(got, k.Kind())
	}
	if want := events.Types(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDataKeepsItsNames(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	some := map[string]any{"a": 1}
	tests := map[string]struct {
		data any
		want string
	}{
		"created":   {events.UserCreatedData{"u", "e", "f", "l", "de", "UTC", "1", some}, `{"user_id":"u","email":"e","first_name":"f","last_name":"l","locale":"de","time_zone":"UTC","phone":"1","attributes":{"a":1}}`},
		"deleted":   {events.UserDeletedData{"u", "e", "r"}, `{"user_id":"u","email":"e","reason":"r"}`},
		"enrolled":  {events.EnrollmentRequestedData{"u", "c", "e", "v", "s", "x"}, `{"user_id":"u","course_id":"c","email":"e","vendor":"v","starts_on":"s","ends_on":"x"}`},
		"restored":  {events.UserRestoredData{"u", "e", "r"}, `{"user_id":"u","email":"e","reason":"r"}`},
		"cancelled": {events.EnrollmentCancelledData{"u", "c", "e", "v", "r"}, `{"user_id":"u","course_id":"c","email":"e","vendor":"v","reason":"r"}`},
		"active":    {events.ActivityTrackedData{"u", "n", at, some}, `{"user_id":"u","name":"n","occurred_at":"2026-03-01T09:30:00Z","properties":{"a":1}}`},
		"shortest":  {events.ActivityTrackedData{UserID: "u", Name: "n"}, `{"user_id":"u","name":"n"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(test.data)
			if err != nil || string(got) != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestUserID(t *testing.T) {
	tests := map[string]struct{ data, want string }{
		"there":       {`{"email":"e","user_id":"u-1"}`, "u-1"},
		"escaped":     {`{"user_id":"\u00fc"}`, "ü"},
		"other case":  {`{"User_ID":"u-1"}`, ""},
		"number":      {`{"user_id":1}`, "1"},
		"not there":   {`{}`, ""},
		"deeper":      {`{"a":{"user_id":"u-1"}}`, ""},
		"no object":   {`["user_id"]`, ""},
		"null":        {`null`, ""},
		"named twice": {`{"a":{"user_id":"x"},"user_id":"y"}`, "y"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := events.UserID(mustParse(t, data(test.data))); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := events.UserID(events.Event{DataEncoded: []byte(`{"user_id":`)}); got != "" {
		t.Errorf("broken data: got %q, want nothing", got)
	}
}

func TestExpired(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		extension string
		want      bool
	}{
		"before":    {`"2026-03-01T12:00:01Z"`, false},
		"at":        {`"2026-03-01T13:00:00+01:00"`, true},
		"after":     {`"2026-03-01T11:59:59.999Z"`, true},
		"no time":   {`"soon"`, false},
		"no string": {`1772357398`, false},
		"null":      {`null`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := events.Expired(mustParse(t, with(`"expirytime":`+test.extension)), now); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestZeroEvent(t *testing.T) {
	if events.Expired(events.Event{}, time.Now()) || events.UserID(events.Event{}) != "" {
		t.Error("the zero event has expired or has a user")
	}
}

func TestErrorOfTheWhole(t *testing.T) {
	err := &events.InvalidError{Rule: "size", Detail: "send less"}
	if got, want := err.Error(), "invalid event: (whole event): size: send less"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
