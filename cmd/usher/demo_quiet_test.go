package main

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/demo"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/vendors/sandbox"
)

// private holds the values that must not be printed, by name.
type private map[string]string

// addresses adds the e-mails of a scenario's pupils: what stands before the @, which
// is theirs alone, so that half an address is seen too.
func (p private) addresses(t *demo.Scenario) {
	for _, one := range t.Pupils {
		local, _, _ := strings.Cut(one.Email, "@")
		p["the e-mail of "+one.ID] = local
	}
}

// settings adds the secrets and the log-ins of a configuration.
func (p private) settings(environ []string) {
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if secretName.MatchString(name) && value != "" {
			p[name] = value
		}
	}
}

var secretName = regexp.MustCompile(`_(SECRET|PASSWORD|TOKENS?|API_KEY|LICENSE_CODE|EMAIL)$`)

// found returns the names of the values in a text, plain or as a part of a URL.
func (p private) found(text string) (list []string) {
	text = strings.ToLower(text)
	for what, value := range p {
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value)} {
			if strings.Contains(text, strings.ToLower(form)) {
				list = append(list, what)
				break
			}
		}
	}
	slices.Sort(list)
	return list
}

// TestSecretsAreFound shows that the tests below can fail.
func TestSecretsAreFound(t *testing.T) {
	p := private{}
	p.addresses(&demo.Scenario{Pupils: []*demo.Pupil{{User: scenario.User{ID: "pupil-5", Email: "ada.berg5+school@example.org"}}}})
	p.settings([]string{"USHER_LEAD_PASSWORD=open sesame", "USHER_LEAD_RATE=0"})
	cases := map[string]struct{ text, want string }{
		"nothing":           {`{"vendor":"lead","outcome":"done","event":"user.created-1"}`, ""},
		"an e-mail":         {`no such user: Ada.Berg5+school@example.org`, "the e-mail of pupil-5"},
		"one in a URL":      {`GET /users?email=ada.berg5%2Bschool%40example.org`, "the e-mail of pupil-5"},
		"a password":        {`{"email":"x","password":"open sesame"}`, "USHER_LEAD_PASSWORD"},
		"one in a form":     {`password=open+sesame`, "USHER_LEAD_PASSWORD"},
		"a setting, a zero": {`usher_vendor_rate_limit{vendor="lead"} 0`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(p.found(c.text), ", "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestDemoPrintsNoSecrets runs the demo as a person does, and reads all that it prints
// and what /metrics says at its end.
func TestDemoPrintsNoSecrets(t *testing.T) {
	t.Parallel()
	school, err := demo.NewScenario(60, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := private{}
	p.addresses(school)
	p.settings(sandbox.Environ("127.0.0.1:1"))
	out := &natstest.Log{}
	w := &world{t: t, log: out, ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		w.ended <- run(ctx, app.Environment{Args: []string{"demo", "--events", "60", "--seed", "1", "--json"}, Stdin: strings.NewReader(""), Stdout: out, Stderr: out})
	}()
	w.stop = stop
	w.waitLog("Ctrl-C ends it.", 1)
	url := regexp.MustCompile(`(http://\S+)/metrics`).FindStringSubmatch(out.String())[1]
	status, metrics := w.get(url + "/metrics")
	if status != http.StatusOK || !strings.Contains(metrics, `usher_effects_total{outcome="done",type="user.created"`) {
		t.Errorf("/metrics: got %d, want what the demo has done", status)
	}
	if status, ready := w.get(url + "/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: got %d %s", status, ready)
	}
	w.end()
	for _, what := range p.found(out.String() + metrics) {
		t.Errorf("%s is printed", what)
	}
	if t.Failed() {
		t.Logf("the demo printed:\n%s", out)
	}
}
