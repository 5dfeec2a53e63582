package ingest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// TestForeignEvents posts CloudEvents of another system, alone and among others.
func TestForeignEvents(t *testing.T) {
	f, err := mapping.NewForeign("hr", mapping.ForeignConfig{Types: []string{"com.example.joined", "com.example.seen"}, Rules: mapping.Rules{{
		Each: "body", Types: map[string]string{"com.example.joined": events.UserCreated}, Data: map[string]string{"user_id": "item.id", "email": "item.mail"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	joined := func(id, data string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"/crm","type":"com.example.joined","data":` + data + `}`
	}
	two := joined("j1", `[{"id":"ada","mail":"ada@example.org"},{"id":"bo","mail":"bo@example.org"}]`)
	many := joined("j3", "["+strings.TrimSuffix(strings.Repeat(`{"id":"a","mail":"a@b.cd"},`, 60), ",")+"]")
	crm := func(r request) request { r.header.Set("Authorization", "Bearer token-of-the-crm-only-00"); return r }
	for name, test := range map[string]struct {
		request
		want reply
	}{
		"two events of one":        {post(structured, two), reply{Status: 202, IDs: []string{"j1.0", "j1.1"}}},
		"an event that is ignored": {post(structured, strings.Replace(two, "joined", "seen", 1)), reply{Status: 202}},
		"among others":             {post(batch, "["+created+","+two+","+numbered("e2")+"]"), reply{Status: 202, IDs: []string{"e1", "j1.0", "j1.1", "e2"}}},
		"a faulty one":             {post(batch, "["+created+","+joined("j2", `[{"mail":"a"}]`)+"]"), reply{Status: 422, Faults: []string{"1  mapping"}}},
		"against the schema":       {post(batch, "["+two+","+joined("j2", `[{"id":"a","mail":"a"}]`)+"]"), reply{Status: 422, Faults: []string{"1 /data/email schema:format"}}},
		"too many":                 {post(batch, "["+strings.TrimSuffix(strings.Repeat(many+",", 17), ",")+"]"), reply{Status: 413, Faults: []string{"0  batch-size"}}},
		"an unknown type":          {post(structured, strings.Replace(two, "com.example.joined", "com.example.left", 1)), reply{Status: 422, Faults: []string{"0 /type type"}}},
		"an allowed client":        {crm(post(structured, two)), reply{Status: 202, IDs: []string{"j1.0", "j1.1"}}},
		"a client of another source": {
			crm(post(structured, strings.Replace(two, "/crm", "/hr", 1))),
			reply{Status: 403, Faults: []string{"0 /source not-allowed", "0 /source not-allowed"}},
		},
		"the source of a web hook": {post(structured, strings.Replace(two, "/crm", "/webhooks/crm", 1)), reply{Status: 403, Faults: []string{"0 /source not-allowed", "0 /source not-allowed"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			c.MaxBody = 1 << 20
			c.Foreign = []*mapping.Foreign{f}
			s := &fakeStream{}
			got := read(t, ask(endpoint(t, c, s), test.request), nil)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.want.IDs, s.ids); test.want.Status == http.StatusAccepted && diff != "" {
				t.Errorf("stored (-want +got)\n%s", diff)
			}
		})
	}
}
