package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/vendors/sandbox"
)

// usher runs a command with nothing but these variables.
func usher(ctx context.Context, environ []string, input string, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(ctx, app.Environment{Args: args, Environ: environ, Stdin: strings.NewReader(input), Stdout: &out, Stderr: io.Discard})
	return out.String(), err
}

func TestServeStopsWhileItWaitsForNATS(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	ended, log := make(chan error, 1), &natstest.Log{}
	environ := []string{"USHER_NATS_URL=nats://127.0.0.1:1", "USHER_HTTP_ADDR=127.0.0.1:0", "USHER_USERMOST_LICENSE_CODE=x", "USHER_USERMOST_API_KEY=y"}
	go func() {
		ended <- run(ctx, app.Environment{Args: []string{"serve"}, Environ: environ, Stdout: log, Stderr: log})
	}()
	natstest.Until(t, "serve begins", func() bool { return strings.Contains(log.String(), "connecting to NATS") })
	stop()
	if err := natstest.Receive(t, "the end of serve", ended); err != nil {
		t.Error(err)
	}
}

func TestSandboxServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, app.Environment{Args: []string{"sandbox", "--addr", "127.0.0.1:0"}, Stdout: write, Stderr: io.Discard})
		_ = write.Close()
	}()
	var environ []string
	buffer := make([]byte, 64<<10)
	n, err := read.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(buffer[:n])) {
		if variable, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			environ = append(environ, strings.ReplaceAll(variable, "'", ""))
		}
	}
	out, err := usher(t.Context(), environ, "", "vendors", "check")
	if err != nil || strings.Count(out, "\tok\t") != 5 {
		t.Errorf("vendors check with what the sandbox prints: %v\n%s", err, out)
	}
	stop()
	if err := natstest.Receive(t, "the end of the sandbox", ended); err != nil {
		t.Error(err)
	}
}

// vendorCheck is the JSON of usher vendors check for one vendor.
type vendorCheck struct{ State, Detail string }

func TestVendorsCheckReportsRefusal(t *testing.T) {
	t.Parallel()
	stands, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	defer web.Close()
	environ := append(sandbox.Environ(strings.TrimPrefix(web.URL, "http://")), "USHER_LEAD_PASSWORD="+sandbox.WrongCredential)
	out, err := usher(t.Context(), environ, "", "vendors", "check", "--json", "lead", "usermost")
	if err == nil || cli.ExitCode(err) != cli.ExitFailed {
		t.Errorf("got %v, want exit code 1", err)
	}
	var got []vendorCheck
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].State != "refused" || !strings.Contains(got[0].Detail, "check the base URL and the credentials of lead") || got[1].State != "ok" {
		t.Errorf("got %+v, want lead refused with advice, usermost ok", got)
	}
}

func TestVendorsCheckSuggestsAddress(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for url, want := range map[string]vendorCheck{
		web.URL:              {State: "refused", Detail: "404 page not found; is USHER_MIESTRO_BASE_URL right? If it is, look at the credentials"},
		"http://127.0.0.1:1": {State: "unreachable", Detail: "connection refused; is USHER_MIESTRO_BASE_URL right, and can it be reached from here?"},
	} {
		environ := []string{"USHER_MIESTRO_API_KEY=x", "USHER_MIESTRO_API_SECRET=y", "USHER_MIESTRO_BASE_URL=" + url}
		out, err := usher(t.Context(), environ, "", "vendors", "check", "--json", "miestro")
		var got []vendorCheck
		if json.Unmarshal([]byte(out), &got) != nil || cli.ExitCode(err) != cli.ExitFailed {
			t.Fatalf("got %v: %s", err, out)
		}
		if got[0].State != want.State || !strings.HasSuffix(got[0].Detail, want.Detail) {
			t.Errorf("got %+v, want %+v", got[0], want)
		}
	}
}

func TestSendOverHTTP(t *testing.T) {
	t.Parallel()
	var types, bodies, tokens []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		types, bodies, tokens = append(types, r.Header.Get("Content-Type")), append(bodies, string(body)), append(tokens, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer web.Close()
	one := cloudEvent(events.UserDeleted, "1", `{"user_id":"u1"}`)
	environ := []string{"USHER_HTTP_TOKENS=first-of-the-tokens,second-of-the-tokens"}
	for _, input := range []string{one, one + "\n" + one} {
		if _, err := usher(t.Context(), environ, input, "send", "--via", "http", "--url", web.URL); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"application/cloudevents+json", "application/cloudevents-batch+json"}, types); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(bodies[1], "[{") || tokens[0] != "Bearer first-of-the-tokens" {
		t.Errorf("got body %s, token %s", bodies[1], tokens[0])
	}
}

func TestSendOverHTTPReportsRefusal(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   string
	}{
		"problem":  {400, `{"title":"Invalid batch","detail":"event 3: /type"}`, "status 400: Invalid batch event 3: /type"},
		"token":    {401, "", "give --token"},
		"nothing":  {404, "", "there is no endpoint for events"},
		"redirect": {307, "", "status 307"},
		"no JSON":  {503, "<html>", "status 503"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer web.Close()
			_, err := usher(t.Context(), nil, cloudEvent(events.UserDeleted, "1", `{"user_id":"u1"}`), "send", "--via", "http", "--url", web.URL)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

// TestEveryCommandHasExamples reads the manual page, which has the help of each command.
func TestEveryCommandHasExamples(t *testing.T) {
	t.Parallel()
	page, err := usher(t.Context(), nil, "", "man")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(page, "\n.SH USHER ")[1:]
	if len(sections) < 30 {
		t.Fatalf("got %d commands, want all", len(sections))
	}
	for _, section := range sections {
		name, text, _ := strings.Cut(section, "\n")
		_, examples, found := strings.Cut(text, "\nExamples:\n")
		first, _, _ := strings.Cut(examples, "\n")
		if !found || !strings.Contains(first, "usher") && !strings.Contains(first, "|") {
			t.Errorf("usher %s: the help has no examples, but %q", strings.ToLower(name), first)
		}
	}
}
