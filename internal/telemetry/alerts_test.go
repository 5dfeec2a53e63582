package telemetry_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestAlerts holds each alert to metrics that there are, and to its section in
// the runbook.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	book, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	scraped := scrape(t, filled(), "text/plain")
	rules := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules++
			for _, name := range regexp.MustCompile(`usher_[a-z0-9_]+`).FindAllString(r.Expr, -1) {
				if !strings.Contains(scraped, "\n"+name+"{") && !strings.Contains(scraped, "\n"+name+" ") {
					t.Errorf("%s: there is no metric %s", r.Alert, name)
				}
			}
			if !strings.Contains(string(book), "\n## "+r.Alert+"\n") {
				t.Errorf("%s has no section in docs/runbook.md", r.Alert)
			}
			if want := "docs/runbook.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
				t.Errorf("%s: got runbook_url %s, want %s", r.Alert, r.Annotations["runbook_url"], want)
			}
		}
	}
	if rules == 0 || strings.Count(string(book), "\n## ") != rules {
		t.Errorf("got %d alerts and %d sections in the runbook", rules, strings.Count(string(book), "\n## "))
	}
}
