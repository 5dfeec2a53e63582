package console

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
)

func TestFieldsFollowTheSchemas(t *testing.T) {
	for kind, want := range map[string][]string{
		events.UserCreated:         {"user_id text *", "email email *", "first_name text", "last_name text", "locale text", "time_zone text", "phone text", "attributes textarea"},
		events.EnrollmentRequested: {"user_id text *", "course_id text *", "email email", "vendor text", "starts_on date", "ends_on date"},
		events.ActivityTracked:     {"user_id text *", "name text *", "occurred_at datetime-local", "properties textarea"},
	} {
		list, err := fieldsOf(kind)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range list {
			line := f.Name + " " + f.Input
			if f.Required {
				line += " *"
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
	}
	for _, kind := range events.Types() {
		if list, err := fieldsOf(kind); err != nil || len(list) == 0 {
			t.Errorf("%s: got %d fields, %v", kind, len(list), err)
		}
	}
}

func TestFill(t *testing.T) {
	list, err := fieldsOf(events.ActivityTracked)
	if err != nil {
		t.Fatal(err)
	}
	data, ok := fill(list, url.Values{
		"data.user_id": {" u1 "}, "data.name": {""}, "data.occurred_at": {"2026-09-01T08:30"}, "data.properties": {`{"a": 1.50}`}, "data.other": {"x"},
	})
	if !ok {
		t.Fatalf("got %+v", list)
	}
	if data["user_id"] != "u1" || data["occurred_at"] != "2026-09-01T08:30:00Z" || data["name"] != nil || data["other"] != nil || len(data) != 3 {
		t.Errorf("got %v", data)
	}
	if _, ok := fill(list, url.Values{"data.properties": {`{"a": `}}); ok || list[3].Wrong == "" || list[3].Value == "" {
		t.Errorf("JSON that is none: got %v, %+v", ok, list[3])
	}
	if _, ok := fill(list, url.Values{"data.properties": {`{} {}`}}); ok {
		t.Error("two documents are taken for one")
	}
}

func TestBlame(t *testing.T) {
	list, err := fieldsOf(events.UserCreated)
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]int{"/data/email": 1, "/data/attributes/a": 7, "/data/emails": -1, "/data": -1} {
		for i := range list {
			list[i].Wrong = ""
		}
		found := blame(list, &events.InvalidError{Pointer: pointer, Detail: "send a valid email"})
		for i, f := range list {
			if (f.Wrong != "") != (i == want) {
				t.Errorf("%s: %s is said to be wrong: %q", pointer, f.Name, f.Wrong)
			}
		}
		if found != (want >= 0) {
			t.Errorf("%s: got %v", pointer, found)
		}
	}
}
