package main

import (
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
)

// TestContractorsBeforeAndAfter simulates, plans and previews the case of contractors. The workspaces
// have no deletion, and are simulated all the same; a plan without a difference is empty; a user id that
// is also a name is shown as the id.
func TestContractorsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	steps := casesOf(t, "docs/rules.md")["contractors and a pilot"]
	c := newCase(t, steps)
	c.configure(steps[0].file)
	const mia = `{"type":"user.created","data":{"user_id":"mia","email":"mia@example.org","first_name":"Mia","last_name":"Roth"}}`
	c.serve()
	c.until("every vendor is served", func() bool { return c.every(func(v ops.VendorStatus) bool { return v.State == ops.Serving }) })
	c.publish(mia)
	event := cloudEvent(events.UserUpdated, "u", `{"user_id":"mia","email":"mia@example.org","first_name":"Mia"}`)
	p := c.preview(event, "-", "--vendor", "office")
	if len(p) != 1 || len(p[0].Vendors) != 1 || len(p[0].Vendors[0].Requests) != 1 || !strings.Contains(string(p[0].Vendors[0].Requests[0].Body), `"userId": "mia"`) {
		t.Errorf("preview: got %+v, want the user id as it is", p)
	}
	rows, _, err := c.simulate("")
	if err != nil {
		t.Error(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Vendor] = r.Would + " " + r.Reason
	}
	if got["office"] != "update " || got["partners"] != "skip scope" || got["directory"] != "skip scope" {
		t.Errorf("simulate: got %v", got)
	}
	same := c.file + ".same.yaml"
	text := strings.Replace(steps[0].file, "vendors:\n", "vendors:\n  magloft: {mode: [readers, off], timeout: 5s}\n", 1)
	if err := os.WriteFile(same, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := c.must("plan", "--config", same, "--old", same); strings.Contains(out, "mode") || !strings.Contains(out, "0 leave a scope") {
		t.Errorf("plan: got %s, want no difference", out)
	}
	c.end()
}
