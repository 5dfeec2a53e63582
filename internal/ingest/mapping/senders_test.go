package mapping_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/schemas"
)

// sender returns the mapping in testdata/NAME.yaml.
func sender(t testing.TB, name string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.New(name, readConfig(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func readConfig(t testing.TB, name string) mapping.Config {
	t.Helper()
	var c mapping.Config
	if err := yaml.Unmarshal(read(t, name+".yaml"), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSenders maps what real senders send, in the shape that they document, with
// people that do not exist.
func TestSenders(t *testing.T) {
	for _, test := range []struct {
		sender, payload string
		kind, id, time  string
		data            string
	}{
		{
			"clerk", "user.created.json", events.UserCreated, "msg_1", "2026-10-14T08:13:11.835Z",
			`{"user_id":"user_2g7np7Hrk0SN6kj5EDMLDaKNL0S","email":"ada.lindqvist@example.org","first_name":"Ada","locale":"sv-SE","attributes":{"clerk":{"username":null,"external_id":"567772"}}}`,
		},
		{
			"clerk", "user.deleted.json", events.UserDeleted, "msg_1", "2026-10-14T09:13:11.253Z",
			`{"user_id":"user_2g7np7Hrk0SN6kj5EDMLDaKNL0S"}`,
		},
		{
			"clerk", "organizationMembership.created.json", events.EnrollmentRequested, "msg_1", "2026-10-14T08:15:00.133Z",
			`{"user_id":"user_2g7np7Hrk0SN6kj5EDMLDaKNL0S","email":"ada.lindqvist@example.org","course_id":"fire-safety"}`,
		},
		{
			"workos", "user.created.json", events.UserCreated, "event_01M31V3QK8Y2XW0S7D6E5F4G3H", "2026-10-14T09:18:13.126Z",
			`{"user_id":"user_01M31V3QH4Y8Z6N2B7C9D1E3F5","email":"tomas.okafor@example.org","first_name":"Tomas","last_name":"Okafor"}`,
		},
		{
			"workos", "user.deleted.json", events.UserDeleted, "event_01M31V4B6P0Q2R4S6T8U0V2W4X", "2026-10-16T04:18:13.126Z",
			`{"user_id":"user_01M31V3QH4Y8Z6N2B7C9D1E3F5","email":"tomas.okafor@example.org"}`,
		},
		{
			"workos", "dsync.user.created.json", events.UserCreated, "event_01M31V5C7D9E1F3G5H7J9K1L3M", "2026-10-14T09:20:00Z",
			`{"user_id":"directory_user_01M31V5C70N2P4Q6R8S0T2U4V6","email":"ines.varga@example.org","first_name":"Ines","last_name":"Varga","locale":"en-US",
			"attributes":{"directory_id":"directory_01M2ZZ0000000000000000000A","title":"Engineer"}}`,
		},
		{
			"thinkific", "user.signup.json", events.UserCreated, "20261014091810790022471", "2026-10-14T09:18:10.768Z",
			`{"user_id":"90071992547409931","email":"noor.haddad@example.org","first_name":"Noor","last_name":"Haddad"}`,
		},
		{
			"thinkific", "enrollment.created.json", events.EnrollmentRequested, "20261014091810790022472", "2026-10-14T09:19:10.768Z",
			`{"user_id":"90071992547409931","email":"noor.haddad@example.org","course_id":"68","ends_on":"2027-10-14"}`,
		},
	} {
		t.Run(test.sender+"/"+test.payload, func(t *testing.T) {
			e, err := only(sender(t, test.sender).Map("msg_1", http.Header{}, read(t, test.sender, test.payload)))
			if err != nil {
				t.Fatal(err)
			}
			got := []string{e.Type(), e.Source(), e.ID(), e.Time().Format(time.RFC3339Nano), e.DataContentType()}
			want := []string{test.kind, "/webhooks/" + test.sender, test.id, test.time, "application/json"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(decode(t, []byte(test.data)), decode(t, e.Data())); diff != "" {
				t.Errorf("data (-want +got)\n%s", diff)
			}
			mustPass(t, e)
		})
	}
}

func decode(t testing.TB, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// mustPass checks e as the endpoint does before it publishes.
func mustPass(t *testing.T, e events.Event) {
	t.Helper()
	set, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Validate(e); err != nil {
		t.Error(err)
	}
	if _, _, err := events.ToNATS(e); err != nil {
		t.Error(err)
	}
}
