package ingest_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/schemas"
)

const sns = `{"Type":"SubscriptionConfirmation","SubscribeURL":"https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t1"}`

// TestChallenges sends the checks of senders, to a sender that may make them, and to others.
func TestChallenges(t *testing.T) {
	signed := func(body string) request {
		return request{http.MethodPost, "/webhooks/crm", headers("Signature", "right", "Webhook-Id", "d1"), body}
	}
	get := func(query string, pairs ...string) request {
		return request{http.MethodGet, "/webhooks/crm" + query, headers(pairs...), ""}
	}
	unsigned := func(query, body string) request {
		return request{http.MethodPost, "/webhooks/crm" + query, headers("Content-Type", "application/x-www-form-urlencoded"), body}
	}
	for name, test := range map[string]struct {
		kind ingest.Challenge
		request
		status  int
		body    string // of the answer
		without int    // status without the challenge
	}{
		"Okta":                          {ingest.Okta, get("", "X-Okta-Verification-Challenge", "abc-1"), 200, `{"verification":"abc-1"}`, 405},
		"Okta, a challenge with markup": {ingest.Okta, get("", "X-Okta-Verification-Challenge", "<script>"), 400, "", 405},
		"Okta, no challenge":            {ingest.Okta, get(""), 400, "", 405},
		"Okta, a long challenge":        {ingest.Okta, get("", "X-Okta-Verification-Challenge", strings.Repeat("a", 1001)), 400, "", 405},
		"Slack":                         {ingest.Slack, signed(`{"token":"t","challenge":"3eZbrw1aBm2rZgRN","type":"url_verification"}`), 200, `{"challenge":"3eZbrw1aBm2rZgRN"}`, 202},
		"Slack, unsigned":               {ingest.Slack, unsigned("", `{"challenge":"3eZbrw1aBm2rZgRN","type":"url_verification"}`), 401, "", 401},
		"Zoom":                          {ingest.Zoom, signed(`{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}`), 200, `{"encryptedToken":"digest of qgg8vlvZRS6UYooatFL8Aw","plainToken":"qgg8vlvZRS6UYooatFL8Aw"}`, 202},
		"Zoom, a text to be signed":     {ingest.Zoom, signed(`{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1:{}"}}`), 202, "", 202},
		"Zoom, unsigned":                {ingest.Zoom, unsigned("", `{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}}`), 401, "", 401},
		"SNS":                           {ingest.SNS, signed(sns), 200, "", 202},
		"SNS, unsigned":                 {ingest.SNS, unsigned("", sns), 401, "", 401},
		"WooCommerce":                   {ingest.WooCommerce, unsigned("", "webhook_id=3"), 200, "", 401},
		"WooCommerce, more than a ping": {ingest.WooCommerce, unsigned("", "webhook_id=3&a=1"), 401, "", 401},
		"an echo by GET":                {ingest.Echo, get("?challenge=a1"), 200, "a1", 405},
		"an echo by POST":               {ingest.Echo, unsigned("?validationToken=a%201", ""), 200, "a 1", 401},
		"an echo of markup":             {ingest.Echo, get("?challenge=%3Cb%3E"), 400, "", 405},
		"a probe":                       {ingest.Probe, get(""), 200, "", 405},
		"a probe by HEAD":               {ingest.Probe, request{method: http.MethodHead, target: "/webhooks/crm"}, 200, "", 405},
	} {
		t.Run(name, func(t *testing.T) {
			for _, with := range []bool{true, false} {
				c := config()
				hook := c.Webhooks["crm"]
				hook.Digest = func(text string) string { return "digest of " + text }
				want, body := test.without, ""
				if with {
					hook.Challenges = []ingest.Challenge{test.kind}
					want, body = test.status, test.body
				} else {
					hook.Challenges = slices.DeleteFunc(ingest.Challenges(), func(c ingest.Challenge) bool {
						return c == test.kind || test.without == 405 && (c == ingest.Okta || c == ingest.Probe || c == ingest.Echo)
					})
				}
				c.Webhooks["crm"] = hook
				s := &fakeStream{}
				res := ask(endpoint(t, c, s), test.request)
				if got := strings.TrimSpace(res.Body.String()); res.Code != want || with && res.Code == 200 && got != body {
					t.Errorf("with the challenge %v: got %d %s, want %d %s", with, res.Code, got, want, body)
				}
				if res.Code == 200 && len(s.ids)+len(s.kept) > 0 {
					t.Error("the challenge is stored")
				}
			}
		})
	}
}

// TestSNSAddressIsLoggedForAmazonOnly logs the address of a confirmation.
func TestSNSAddressIsLoggedForAmazonOnly(t *testing.T) {
	set, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	for address, logged := range map[string]bool{
		"https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t1": true,
		"https://sns.cn-north-1.amazonaws.com.cn/?Token=t1":                           true,
		"http://sns.eu-central-1.amazonaws.com/?Token=t1":                             false,
		"https://sns.eu-central-1.amazonaws.com.evil.example/?Token=t1":               false,
		"https://evil.example/sns.eu-central-1.amazonaws.com?Token=t1":                false,
		"https://sns.eu-central-1.amazonaws.com@evil.example/?Token=t1":               false,
		"https://sns.eu-central-1.amazonaws.com:444/?Token=t1":                        false,
		"https://a@sns.eu-central-1.amazonaws.com/?Token=t1":                          false,
	} {
		var log bytes.Buffer
		c := config()
		hook := c.Webhooks["crm"]
		hook.Challenges = []ingest.Challenge{ingest.SNS}
		c.Webhooks["crm"] = hook
		h := ingest.New(c, ingest.Deps{Stream: &fakeStream{}, Validate: set.Validate, Log: zerolog.New(&log)})
		body := strings.Replace(sns, "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t1", address, 1)
		ask(h, request{http.MethodPost, "/webhooks/crm", headers("Signature", "right"), body})
		if got := strings.Contains(log.String(), "Token=t1"); got != logged {
			t.Errorf("%s: logged %v, want %v: %s", address, got, logged, &log)
		}
	}
}

func compress(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGzip posts compressed deliveries. MaxBody is 100 KiB.
func TestGzip(t *testing.T) {
	one := `{"type":"user","user":"ada","email":"ada@example.org"}`
	packed := compress(t, one)
	hook := func(coding, body string) request {
		return request{http.MethodPost, "/webhooks/crm", headers("Signature", "right", "Webhook-Id", "d1", "Content-Encoding", coding), body}
	}
	for name, test := range map[string]struct {
		request
		want reply
	}{
		"gzip":                  {hook("gzip", packed), reply{Status: 202, IDs: []string{"d1"}}},
		"in capital letters":    {hook("GZIP", packed), reply{Status: 202, IDs: []string{"d1"}}},
		"identity":              {hook("identity", one), reply{Status: 202, IDs: []string{"d1"}}},
		"two members":           {hook("gzip", compress(t, one[:20])+compress(t, one[20:])), reply{Status: 202, IDs: []string{"d1"}}},
		"another coding":        {hook("br", packed), reply{Status: 415}},
		"twice":                 {hook("gzip, gzip", packed), reply{Status: 415}},
		"no gzip":               {hook("gzip", one), reply{Status: 400}},
		"cut off":               {hook("gzip", packed[:len(packed)-9]), reply{Status: 400}},
		"too large":             {hook("gzip", compress(t, one+strings.Repeat(" ", 101<<10))), reply{Status: 413}},
		"above the ratio":       {hook("gzip", compress(t, one+strings.Repeat(" ", 80<<10))), reply{Status: 413}},
		"below the free ratio":  {hook("gzip", compress(t, one+strings.Repeat(" ", 60<<10))), reply{Status: 202, IDs: []string{"d1"}}},
		"an event of /events":   {post(structured, compress(t, created), "Content-Encoding", "gzip"), reply{Status: 415}},
		"a wrong signature":     {request{http.MethodPost, "/webhooks/crm", headers("Content-Encoding", "gzip"), "no gzip"}, reply{Status: 401}},
		"a fault is kept plain": {hook("gzip", compress(t, "{")), reply{Status: 202}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			c.MaxBody = 100 << 10
			s := &fakeStream{}
			got := read(t, ask(endpoint(t, c, s), test.request), nil)
			if got.Status != test.want.Status || !slices.Equal(got.IDs, test.want.IDs) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			for _, d := range s.kept {
				if string(d.Body) != "{" || d.Header.Get("Content-Encoding") != "" {
					t.Errorf("kept %q with the coding %q", d.Body, d.Header.Get("Content-Encoding"))
				}
			}
		})
	}
}
