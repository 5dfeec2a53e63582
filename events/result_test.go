package events_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

func TestResultType(t *testing.T) {
	outcomes := []string{events.Done, events.AlreadyDone, events.Superseded, events.Unsupported, events.Failed}
	tests := map[string][]string{
		events.UserCreated:         {"user.provisioned", "user.provisioned", "user.provisioning.skipped", "user.provisioning.skipped", "user.provisioning.failed"},
		events.UserDeleted:         {"user.deprovisioned", "user.deprovisioned", "user.deprovisioning.skipped", "user.deprovisioning.skipped", "user.deprovisioning.failed"},
		events.EnrollmentRequested: {"enrollment.completed", "enrollment.completed", "enrollment.skipped", "enrollment.skipped", "enrollment.failed"},
		events.UserUpdated:         {"user.synchronized", "user.synchronized", "user.synchronization.skipped", "user.synchronization.skipped", "user.synchronization.failed"},
		events.UserRestored:        {"user.reinstated", "user.reinstated", "user.reinstatement.skipped", "user.reinstatement.skipped", "user.reinstatement.failed"},
		events.EnrollmentCancelled: {"enrollment.ended", "enrollment.ended", "enrollment.end.skipped", "enrollment.end.skipped", "enrollment.end.failed"},
		events.ActivityTracked:     {"activity.recorded", "activity.recorded", "activity.skipped", "activity.skipped", "activity.failed"},
		"user.renamed":             {"user.renamed.done", "user.renamed.done", "user.renamed.skipped", "user.renamed.skipped", "user.renamed.failed"},
	}
	for request, want := range tests {
		t.Run(request, func(t *testing.T) {
			var got []string
			for _, outcome := range outcomes {
				got = append(got, events.ResultType(request, outcome))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestResultTypes(t *testing.T) {
	all := events.ResultTypes()
	if got, want := len(all), 21; got != want {
		t.Errorf("got %d types, want %d", got, want)
	}
	slices.Sort(all)
	if got, want := len(slices.Compact(all)), 21; got != want {
		t.Errorf("got %d different types, want %d", got, want)
	}
}

func TestResultSubject(t *testing.T) {
	if got, want := events.ResultSubject("user.provisioning.failed", "lead"), "user.provisioning.failed.lead"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestResultID(t *testing.T) {
	tests := map[string]struct {
		key, vendor string
		replay      int
		want        string
	}{
		"first":          {"k", "lead", 0, "d6c19402d2ae4fc834ac5668e09fe722"},
		"after a replay": {"k", "lead", 1, "77ca1111cb2d6c5a84b62a266813fbb8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := events.ResultID(test.key, test.vendor, test.replay); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// asked returns what a worker would ask NewResult.
func asked(t testing.TB, request string) events.ResultOf {
	t.Helper()
	e := mustParse(t, request)
	return events.ResultOf{
		Request: e, Key: events.Key(e.Source(), e.ID()), Source: "/usher", At: time.Date(2026, 3, 1, 10, 0, 0, 5e8, time.FixedZone("", 3600)),
		Result: events.Result{Vendor: "lead", Outcome: events.Done, AccountID: "7", Attempts: 2, TookMS: 41},
	}
}

// written returns the payload of the result.
func written(t testing.TB, of events.ResultOf) string {
	t.Helper()
	e, err := events.NewResult(of)
	if err != nil {
		t.Fatalf("NewResult: %v", err)
	}
	_, payload, err := events.ToNATS(e)
	if err != nil {
		t.Fatalf("ToNATS: %v", err)
	}
	return string(payload)
}

func TestNewResult(t *testing.T) {
	head := func(id, typ, subject string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/usher","type":"%s"%s,"time":"2026-03-01T09:00:00.5Z","datacontenttype":"application/json","dataschema":"https://usher.dev/schemas/result/v1"`, id, typ, subject)
	}
	created := `{"specversion":"1.0","id":"1","source":"/s","type":"user.created","time":"2026-03-01T09:30:00Z","data":{"user_id":"u-1"}`
	id := events.ResultID(events.Key("/s", "1"), "lead", 0)
	done := `,"data":{"vendor":"lead","outcome":"done","account_id":"7","attempts":2,"took_ms":41,"event":{"id":"1","source":"/s","type":"user.created","time":"2026-03-01T09:30:00Z"}}}`
	t.Run("starts a correlation", func(t *testing.T) {
		got := written(t, asked(t, created+`}`))
		want := head(id, "user.provisioned", `,"subject":"u-1"`) + `,"causationid":"1","correlationid":"1"` + done
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("copies correlation and trace, nothing else", func(t *testing.T) {
		got := written(t, asked(t, created+`,"correlationid":"c","traceparent":"`+traceparent+`","tracestate":"a=1","sequence":"1"}`))
		want := head(id, "user.provisioned", `,"subject":"u-1"`) + `,"causationid":"1","correlationid":"c","traceparent":"` + traceparent + `","tracestate":"a=1"` + done
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("failed after a replay", func(t *testing.T) {
		of := asked(t, created+`}`)
		of.Replay, of.UserID = 1, "u-2"
		of.Result = events.Result{Vendor: "lead", Outcome: events.Failed, Error: &events.ResultError{Class: "permanent", Status: 422, Message: "full"}}
		got := written(t, of)
		want := head(events.ResultID(of.Key, "lead", 1), "user.provisioning.failed", `,"subject":"u-2"`) + `,"causationid":"1","correlationid":"1","data":{"vendor":"lead","outcome":"failed","attempts":0,"took_ms":0,"event":{"id":"1","source":"/s","type":"user.created","time":"2026-03-01T09:30:00Z"},"error":{"class":"permanent","status":422,"message":"full"}}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("message that cannot be read", func(t *testing.T) {
		of := asked(t, created+`}`)
		of.Request = events.Event{}
		of.RequestType = "user.deleted"
		of.Key = "k"
		of.Result = events.Result{Vendor: "lead", Outcome: events.Failed}
		got := written(t, of)
		want := head(events.ResultID("k", "lead", 0), "user.deprovisioning.failed", "") + `,"data":{"vendor":"lead","outcome":"failed","attempts":0,"took_ms":0,"event":{"type":"user.deleted"}}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("user id that no attribute holds", func(t *testing.T) {
		e, err := events.NewResult(asked(t, with(`"data":{"user_id":"a\nb"}`)))
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Subject(); got != "" {
			t.Errorf("got subject %q, want none", got)
		}
	})
}

func TestNewResultIsDeterministic(t *testing.T) {
	request := with(`"correlationid":"c","traceparent":"` + traceparent + `","tracestate":"a=1","data":{"user_id":"u"}`)
	first := written(t, asked(t, request))
	for range 50 {
		if again := written(t, asked(t, request)); again != first {
			t.Fatalf("got %s, want %s", again, first)
		}
	}
	sameAgain(t, mustParse(t, first))
}
