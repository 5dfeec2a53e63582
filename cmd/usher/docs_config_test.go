package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/internal/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const (
	generatedFrom = "<!-- settings: begin -->\n"
	generatedTo   = "<!-- settings: end -->\n"
)

// TestConfigurationPage makes the tables of docs/configuration.md: which settings
// there are, with their variables and defaults, from the code; what they mean from
// the comments of deploy/usher.example.yaml.
func TestConfigurationPage(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	const page = "docs/configuration.md"
	text := string(read(t, page))
	before, rest, found := strings.Cut(text, generatedFrom)
	_, after, ended := strings.Cut(rest, generatedTo)
	if !found || !ended {
		t.Fatalf("%s has no %q, or no %q", page, generatedFrom, generatedTo)
	}
	want := before + generatedFrom + settingsTables(t) + generatedTo + after
	if *update {
		put(t, page, want)
	}
	if diff := cmp.Diff(want, string(read(t, page))); diff != "" {
		t.Errorf("%s is stale: go test ./cmd/usher -run TestConfigurationPage -update (-want +have)\n%s", page, diff)
	}
}

// settingsTables returns a table for each part of the configuration.
func settingsTables(t *testing.T) string {
	t.Helper()
	// An environment of its own, and no file: nothing but the defaults.
	none, err := config.Load(config.Sources{Path: os.DevNull, Vendors: catalog().Sections()})
	if err != nil {
		t.Fatal(err)
	}
	list := none.Show()
	said, secrets := meanings(t), secretVariables(t, list)
	var out strings.Builder
	part := "?"
	for _, s := range list {
		if now := partOf(s.Key); now != part {
			part = now
			fmt.Fprintf(&out, "\n### %s\n\n| key | variable | default | |\n|---|---|---|---|\n", part)
		}
		means := said[s.Key]
		if secrets[s.Variable] {
			means = strings.TrimPrefix(means+"; secret", "; ")
		}
		if means == "" {
			t.Errorf("deploy/usher.example.yaml says nothing of %s: write a comment behind it", s.Key)
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", s.Key, code(s.Variable), code(s.Text()), cell.Replace(means))
	}
	return strings.TrimPrefix(out.String(), "\n") + "\n"
}

// cell keeps Markdown from reading more into a text than there is.
var cell = strings.NewReplacer("|", `\|`, "*", `\*`)

// partOf is the heading that a setting stands below.
func partOf(key string) string {
	parts := strings.Split(key, ".")
	switch {
	case parts[0] == "vendors":
		return parts[0] + "." + parts[1]
	case parts[0] == "webhooks", parts[0] == "from", parts[0] == "courses":
		return "webhooks, from, courses"
	case len(parts) == 1:
		return "usher itself"
	default:
		return parts[0]
	}
}

func code(text string) string {
	if text == "" || text == "[]" || text == "map[]" || text == "<nil>" {
		return ""
	}
	return "`" + text + "`"
}

// secretVariables tells which variables hold secrets: those that have a file beside them.
func secretVariables(t *testing.T, list []config.Shown) map[string]bool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	put(t, file, "0123456789abcdef")
	var environ []string
	for _, s := range list {
		environ = append(environ, s.Variable+"_FILE="+file)
	}
	c, _ := config.Load(config.Sources{Path: os.DevNull, Environ: environ, Vendors: catalog().Sections()}) // its faults are of no interest
	unread := strings.Join(c.Warnings(), "\n")
	secrets := map[string]bool{}
	for _, s := range list {
		secrets[s.Variable] = s.Variable != "" && !strings.Contains(unread, s.Variable+"_FILE is not read")
	}
	return secrets
}

// meanings returns what the comments of the example say: key → text.
func meanings(t *testing.T) map[string]string {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(read(t, "deploy/usher.example.yaml"), &doc); err != nil {
		t.Fatal(err)
	}
	said := commonMeanings()
	out := map[string]string{}
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at := strings.TrimPrefix(path+"."+key.Value, ".")
			comment := strings.TrimSpace(strings.TrimPrefix(key.LineComment+value.LineComment, "#"))
			if comment == "" && strings.HasPrefix(at, "vendors.") {
				comment = said[key.Value]
			}
			if better := said[at]; better != "" {
				comment = better
			}
			out[at] = comment
			if value.Kind == yaml.MappingNode {
				walk(at, value)
			}
		}
	}
	walk("", doc.Content[0])
	for key, text := range said { // what the example has in comments only
		if out[key] == "" {
			out[key] = text
		}
	}
	return out
}

// commonMeanings are those that stand in the example once for several settings, and
// those that need more words where the settings stand one by one. A whole key wins
// over the comment.
func commonMeanings() map[string]string {
	return map[string]string{
		"ca":       "PEM file with the only CAs that may sign the certificate of the vendor; empty: the CAs of the system",
		"cert":     "PEM file of the client certificate, read again after a change; empty: none",
		"key":      "PEM file of the key of `cert`",
		"proxy":    "`http://host:port`, `https://` or `socks5://`, with `user:password@` if needed; `off`: none; empty: by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`",
		"base_url": "the part before the documented paths", "rate": "calls a second over all processes; 0: no limit",
		"concurrency": "effects at work at a time in one process", "timeout": "of one call",
		"max_age": "time of retries before a failing effect becomes a dead letter",
		"api_key": "of the vendor", "api_secret": "of the vendor", "access_token": "of the vendor", "license_code": "of the account",
		"email": "of Usher's account", "password": "of that account",
		"nats.password":       "goes with user",
		"nats.events_max_age": "age of events (30 days)", "nats.results_max_age": "age of results (30 days)",
		"nats.dead_max_age": "age of dead letters (90 days)", "nats.audit_max_age": "age of the audit log (a year)", "nats.history_max_age": "age of the history of users (a year)",
		"nats.duplicate_window": "in the window NATS drops a repeated Nats-Msg-Id; a million ids cost 235 MB of memory",
		"worker.retry_max":      "the longest delay after a failure", "vendors.lead.rate": "calls a second over all processes; 0: no limit. Laravel's own default is 60 a minute",
		"vendors.meiro.base_url": "the host, `https://api.<instance>.meiro.io`", "vendors.lead.base_url": "of your tenant, `https://<tenant>/api`",
		"vendors.meiro.collect_url": "`https://<tenant>.<region>.pipes.meiro.io/collect/<source>`; accepts activity",
		"log.level":                 "trace, debug, info, warn or error", "console.people": "people with a name and a token; in the file only: see [console.md](console.md)",
		"worker.max_ack_pending": "activity events of one vendor at work at a time, in all processes", "deletions.window": "the window of the count",
		"webhooks": "senders of signed deliveries; in the file only: see [http.md](http.md)", "from": "CloudEvents of other systems that become events; in the file only: see [webhooks.md](webhooks.md)",
		"courses": "our course id → vendor → the vendor's course id; in the file only",
	}
}
