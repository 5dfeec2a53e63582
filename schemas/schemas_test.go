package schemas_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/schemas"
)

func newSet(t testing.TB) *schemas.Set {
	t.Helper()
	set, err := schemas.New()
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return set
}

// samples returns the parsed samples of a kind, by file name without .json.
func samples(t testing.TB, typ, kind string) map[string]events.Event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("samples", typ, kind, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]events.Event)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.Parse(text)
		if err != nil {
			t.Fatalf("%s is no CloudEvent: %v", file, err)
		}
		if e.Type() != typ {
			t.Fatalf("%s has type %q, want %q", file, e.Type(), typ)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = e
	}
	return all
}

func TestAcceptedSamples(t *testing.T) {
	set := newSet(t)
	for _, typ := range events.Types() {
		all := samples(t, typ, "accepted")
		if got, want := len(all), 4; got < want {
			t.Errorf("%s has %d accepted samples, want at least %d", typ, got, want)
		}
		for name, e := range all {
			t.Run(typ+"/"+name, func(t *testing.T) {
				if err := set.Validate(e); err != nil {
					t.Errorf("Validate: %v", err)
				}
			})
		}
	}
}

func TestRefusedSamples(t *testing.T) {
	set := newSet(t)
	for _, typ := range events.Types() {
		all := samples(t, typ, "refused")
		if got, want := len(all), 8; got < want {
			t.Errorf("%s has %d refused samples, want at least %d", typ, got, want)
		}
		if got, want := len(all), len(refusals[typ]); got != want {
			t.Errorf("%s has %d refused samples, the table has %d", typ, got, want)
		}
		for name, e := range all {
			t.Run(typ+"/"+name, func(t *testing.T) {
				checkRefusal(t, set.Validate(e), refusals[typ][name])
			})
		}
	}
}

// checkRefusal checks where an error points, its rule, and that it has advice.
func checkRefusal(t *testing.T, err error, want refusal) {
	t.Helper()
	invalid, ok := errors.AsType[*events.InvalidError](err)
	if !ok {
		t.Fatalf("got error %v, want an *events.InvalidError", err)
	}
	if got := (refusal{invalid.Pointer, invalid.Rule}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if invalid.Detail == "" {
		t.Error("the error has no detail")
	}
}

func TestValidateNeverTellsValues(t *testing.T) {
	set := newSet(t)
	e := parse(t, `{"specversion":"1.0","id":"1","source":"/s","type":"user.created",
		"data":{"user_id":"SECRET\n","email":"SECRET","phone":7777,"locale":"SECRET SECRET","first_name":["SECRET"]}}`)
	for range 20 {
		err := set.Validate(e)
		if got, want := err.Error(), "invalid event: /data/email: schema:format: send one e-mail address: there is no @"; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestUnknownTypeListsTheKnown(t *testing.T) {
	e := parse(t, `{"specversion":"1.0","id":"1","source":"/s","type":"user.renamed","data":{}}`)
	err := newSet(t).Validate(e)
	checkRefusal(t, err, refusal{"/type", "type"})
	for _, typ := range events.Types() {
		if !strings.Contains(err.Error(), typ) {
			t.Errorf("error %q does not name %s", err, typ)
		}
	}
}

func TestResultTypesAreNoRequests(t *testing.T) {
	set := newSet(t)
	for _, typ := range events.ResultTypes() {
		e := parse(t, `{"specversion":"1.0","id":"1","source":"/s","type":"`+typ+`","data":{}}`)
		checkRefusal(t, set.Validate(e), refusal{"/type", "type"})
	}
}

func TestJSON(t *testing.T) {
	for _, name := range append(events.Types(), events.ResultSchema) {
		text, err := schemas.JSON(name)
		if err != nil {
			t.Fatalf("JSON(%s): %v", name, err)
		}
		var schema struct {
			ID string `json:"$id"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		if got, want := schema.ID, schemas.ID(name); got != want {
			t.Errorf("$id of %s: got %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"", "user.renamed", "../schemas", "result.json"} {
		if _, err := schemas.JSON(name); err == nil {
			t.Errorf("JSON(%q): got no error", name)
		}
	}
}

func TestValidateResult(t *testing.T) {
	set := newSet(t)
	request := parse(t, `{"specversion":"1.0","id":"1","source":"/s","type":"user.created","time":"2026-03-01T09:30:00Z","data":{"user_id":"u-1"}}`)
	failed := &events.ResultError{Class: "permanent", Status: 422, Message: "seat limit reached"}
	tests := map[string]struct {
		request events.Event
		result  events.Result
		want    refusal
	}{
		"done":            {request, events.Result{Vendor: "lead", Outcome: events.Done, AccountID: "7", Attempts: 1, TookMS: 40}, refusal{}},
		"superseded":      {request, events.Result{Vendor: "lead", Outcome: events.Superseded}, refusal{}},
		"failed":          {request, events.Result{Vendor: "lead", Outcome: events.Failed, Attempts: 3, Error: failed}, refusal{}},
		"unreadable":      {events.Event{}, events.Result{Vendor: "lead", Outcome: events.Failed, Error: &events.ResultError{Class: "permanent", Message: "no JSON"}}, refusal{}},
		"no reason":       {request, events.Result{Vendor: "lead", Outcome: events.Failed}, refusal{"/data/error", "schema:required"}},
		"no vendor":       {request, events.Result{Outcome: events.Done}, refusal{"/data/vendor", "schema:minLength"}},
		"strange outcome": {request, events.Result{Vendor: "lead", Outcome: "fine"}, refusal{"/data/outcome", "schema:enum"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := events.NewResult(events.ResultOf{Request: test.request, RequestType: "user.created", Key: "k", Source: "/usher", At: time.Unix(1, 0), Result: test.result})
			if err != nil {
				t.Fatal(err)
			}
			err = set.ValidateResult(e)
			if test.want == (refusal{}) {
				if err != nil {
					t.Errorf("ValidateResult: %v", err)
				}
				return
			}
			checkRefusal(t, err, test.want)
		})
	}
	checkRefusal(t, set.ValidateResult(request), refusal{"/type", "type"})
}

func TestDataOfAcceptedSamplesDecodes(t *testing.T) {
	into := map[string]func() any{
		events.UserCreated:         func() any { return new(events.UserCreatedData) },
		events.UserUpdated:         func() any { return new(events.UserUpdatedData) },
		events.UserDeleted:         func() any { return new(events.UserDeletedData) },
		events.UserRestored:        func() any { return new(events.UserRestoredData) },
		events.EnrollmentRequested: func() any { return new(events.EnrollmentRequestedData) },
		events.EnrollmentCancelled: func() any { return new(events.EnrollmentCancelledData) },
		events.ActivityTracked:     func() any { return new(events.ActivityTrackedData) },
	}
	for _, typ := range events.Types() {
		for name, e := range samples(t, typ, "accepted") {
			data := into[typ]()
			if err := json.Unmarshal(e.Data(), data); err != nil {
				t.Errorf("%s/%s: %v", typ, name, err)
			}
			if got := data.(interface{ Kind() string }).Kind(); got != typ {
				t.Errorf("%s/%s: got kind %q", typ, name, got)
			}
			if events.UserID(e) == "" {
				t.Errorf("%s/%s: no user id", typ, name)
			}
		}
	}
}

func parse(t testing.TB, text string) events.Event {
	t.Helper()
	e, err := events.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return e
}

func BenchmarkValidate(b *testing.B) {
	set := newSet(b)
	e := samples(b, events.UserCreated, "accepted")["full"]
	b.ReportAllocs()
	for b.Loop() {
		if err := set.Validate(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newSet(b)
	}
}

// The data of each event type has the members of the schema, in Go and in JSON.
func TestSchemasHaveTheMembers(t *testing.T) {
	for _, data := range []interface{ Kind() string }{
		events.UserCreatedData{},
		events.UserUpdatedData{},
		events.UserDeletedData{},
		events.UserRestoredData{},
		events.EnrollmentRequestedData{},
		events.EnrollmentCancelledData{},
		events.ActivityTrackedData{},
	} {
		text, err := schemas.JSON(data.Kind())
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Properties map[string]any `json:"properties"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		var members []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(data)) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			members = append(members, name)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(schema.Properties)), slices.Sorted(slices.Values(members))); diff != "" {
			t.Errorf("%s: schema and struct differ (-schema +struct)\n%s", data.Kind(), diff)
		}
	}
}
