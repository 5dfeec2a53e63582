package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/ingest"
	certificates "github.com/usherhq/usher/internal/ingest/sns"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// TestRoutes has a case for each rule of the HTTP side.
func TestRoutes(t *testing.T) {
	consent := func(pairs ...string) request {
		return request{http.MethodOptions, "/events", headers(pairs...), ""}
	}
	hook := func(body string, pairs ...string) request {
		return request{http.MethodPost, "/webhooks/crm", headers(pairs...), body}
	}
	cases := map[string]struct {
		r    request
		want reply
	}{
		"a structured event is stored":                {post(structured, created), reply{Status: 202, IDs: []string{"e1"}}},
		"a binary event is stored":                    {post("application/json", `{"user_id":"ada","email":"ada@example.org"}`, "ce-specversion", "1.0", "ce-id", "e2", "ce-source", "/school", "ce-type", "user.created"), reply{Status: 202, IDs: []string{"e2"}}},
		"a batch is stored":                           {post(batch, "["+numbered("a")+","+numbered("b")+"]"), reply{Status: 202, IDs: []string{"a", "b"}}},
		"an empty batch is accepted":                  {post(batch, "[]"), reply{Status: 202}},
		"a batch is rejected whole, with every fault": {post(batch, "["+created+`,{"id":"x"},`+numbered("c")+`,{"specversion":"2.0","id":"y","source":"/s","type":"t"}]`), reply{Status: 400, Faults: []string{"1 /specversion required", "3 /specversion specversion"}}},
		"a batch with faults against the schema": {
			post(batch, "["+created+","+strings.Replace(numbered("d"), "ada@example.org", "nobody", 1)+"]"),
			reply{Status: 422, Faults: []string{"1 /data/email schema:format"}},
		},
		"400: no CloudEvent":         {post("application/json", "{}"), reply{Status: 400, Faults: []string{"0  mode"}}},
		"413: the body":              {post(structured, strings.Repeat(" ", 5<<10)+created), reply{Status: 413}},
		"413: too many in a batch":   {post(batch, "["+strings.Repeat("1,", 1000)+"1]"), reply{Status: 413, Faults: []string{"0  batch-size"}}},
		"415: an unknown format":     {post("application/cloudevents+avro", created), reply{Status: 415}},
		"415: a compressed body":     {post(structured, created, "Content-Encoding", "gzip"), reply{Status: 415}},
		"422: an unknown type":       {post(structured, strings.Replace(created, "user.created", "user.renamed", 1)), reply{Status: 422, Faults: []string{"0 /type type"}}},
		"404: no such route":         {request{http.MethodPost, "/event", nil, created}, reply{Status: 404}},
		"404, not a redirect: //":    {request{http.MethodPost, "//events", nil, created}, reply{Status: 404}},
		"404, not a redirect: /":     {request{http.MethodPost, "/events/", nil, created}, reply{Status: 404}},
		"405: GET, and Allow":        {request{http.MethodGet, "/events", nil, ""}, reply{Status: 405, Header: map[string]string{"Allow": "OPTIONS, POST"}}},
		"405: PUT":                   {request{http.MethodPut, "/events", nil, ""}, reply{Status: 405, Header: map[string]string{"Allow": "OPTIONS, POST"}}},
		"401: no token":              {request{http.MethodPost, "/events", headers("Content-Type", structured), created}, reply{Status: 401, Header: map[string]string{"WWW-Authenticate": `Bearer realm="usher"`}}},
		"401: an unknown token":      {request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer nobody"), created}, reply{Status: 401}},
		"401: an empty token":        {request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer "), created}, reply{Status: 401}},
		"the token in the query":     {request{http.MethodPost, "/events?access_token=token-of-one-who-may-all", headers("Content-Type", structured), created}, reply{Status: 202, IDs: []string{"e1"}, Header: map[string]string{"Cache-Control": "private"}}},
		"400: the token twice":       {request{http.MethodPost, "/events?access_token=token-of-one-who-may-all", headers("Content-Type", structured, "Authorization", bearer), created}, reply{Status: 400}},
		"400: two headers":           {post(structured, created, "Authorization", "Bearer other"), reply{Status: 400}},
		"403: another source":        {request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer token-of-the-crm-only-00"), created}, reply{Status: 403, Faults: []string{"0 /source not-allowed"}}},
		"403: source of a web hook":  {post(structured, strings.Replace(created, "/school", "/webhooks/crm", 1)), reply{Status: 403, Faults: []string{"0 /source not-allowed"}}},
		"403: another type":          {request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer token-of-the-crm-only-00"), `{"specversion":"1.0","id":"e1","source":"/crm","type":"user.deleted","data":{"user_id":"ada"}}`}, reply{Status: 403, Faults: []string{"0 /type not-allowed"}}},
		"an allowed source and type": {request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer token-of-the-crm-only-00"), strings.Replace(created, "/school", "/crm", 1)}, reply{Status: 202, IDs: []string{"e1"}}},
		"403: another origin":        {post(structured, created, "WebHook-Request-Origin", "evil.example.org"), reply{Status: 403}},
		"an allowed origin":          {post(structured, created, "WebHook-Request-Origin", "Events.Example.org"), reply{Status: 202, IDs: []string{"e1"}}},
		"consent":                    {consent("WebHook-Request-Origin", "events.example.org", "WebHook-Request-Rate", "120"), reply{Status: 200, Header: map[string]string{"WebHook-Allowed-Origin": "events.example.org", "WebHook-Allowed-Rate": "120", "Allow": "OPTIONS, POST"}}},
		"consent: the limit wins":    {consent("WebHook-Request-Origin", "events.example.org", "WebHook-Request-Rate", "9999999"), reply{Status: 200, Header: map[string]string{"WebHook-Allowed-Rate": "60000"}}},
		"consent: no rate asked":     {consent("WebHook-Request-Origin", "events.example.org"), reply{Status: 200, Header: map[string]string{"WebHook-Allowed-Rate": "60000"}}},
		"consent: a bad rate":        {consent("WebHook-Request-Origin", "events.example.org", "WebHook-Request-Rate", "0"), reply{Status: 400, Header: map[string]string{"WebHook-Allowed-Origin": ""}}},
		"consent: another origin":    {consent("WebHook-Request-Origin", "evil.example.org"), reply{Status: 403, Header: map[string]string{"WebHook-Allowed-Origin": ""}}},
		"consent: no origin":         {consent(), reply{Status: 400, Header: map[string]string{"WebHook-Allowed-Origin": ""}}},
		"consent: a callback to an unlisted host": {
			consent("WebHook-Request-Origin", "events.example.org", "WebHook-Request-Callback", "https://evil.example.org/"),
			reply{Status: 200, Header: map[string]string{"WebHook-Allowed-Origin": "events.example.org"}},
		},
		"a signed delivery is stored":        {hook(`{"type":"user","user":"ada","email":"ada@example.org"}`, "Signature", "right", "Webhook-Id", "d1"), reply{Status: 202, IDs: []string{"d1"}}},
		"an ignored payload is accepted":     {hook(`{"type":"ping"}`, "Signature", "right"), reply{Status: 202}},
		"401: a wrong signature":             {hook(`{}`, "Signature", "wrong"), reply{Status: 401}},
		"a payload that cannot be read":      {hook(`{`, "Signature", "right"), reply{Status: 202}},
		"an event against its schema":        {hook(`{"user":"ada","email":"nobody"}`, "Signature", "right", "Webhook-Id", "d2"), reply{Status: 202}},
		"422: a payload that cannot be read": {strict(hook(`{`, "Signature", "right")), reply{Status: 422, Faults: []string{"0  mapping"}}},
		"422: an event against its schema":   {strict(hook(`{"user":"ada","email":"nobody"}`, "Signature", "right", "Webhook-Id", "d2")), reply{Status: 422, Faults: []string{"0 /data/email schema:format"}}},
		"404: an unknown sender":             {request{http.MethodPost, "/webhooks/who", nil, ""}, reply{Status: 404}},
		"405: GET of a webhook":              {request{http.MethodGet, "/webhooks/crm", nil, ""}, reply{Status: 405, Header: map[string]string{"Allow": "POST"}}},
		"the schema of a type":               {request{http.MethodGet, "/schemas/user.created", nil, ""}, reply{Status: 200, Header: map[string]string{"Content-Type": "application/schema+json"}}},
		"404: no such schema":                {request{http.MethodGet, "/schemas/../config", nil, ""}, reply{Status: 404}},
		"alive":                              {request{http.MethodGet, "/healthz", nil, ""}, reply{Status: 200}},
		"ready":                              {request{http.MethodGet, "/readyz", nil, ""}, reply{Status: 200}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &fakeStream{}
			got := read(t, ask(endpoint(t, config(), s), c.r), c.want.Header)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(c.want.IDs, s.ids); diff != "" {
				t.Errorf("stored (-answered +stored)\n%s", diff)
			}
		})
	}
}

// TestRequestWithoutEventTypeGetsHint posts an event with media types of other data, as
// curl -d does.
func TestRequestWithoutEventTypeGetsHint(t *testing.T) {
	for _, contentType := range []string{"application/x-www-form-urlencoded", "text/xml", "application/json", ""} {
		answer := ask(endpoint(t, config(), &fakeStream{}), post(contentType, created))
		if text := answer.Body.String(); answer.Code != http.StatusBadRequest || !strings.Contains(text, "send Content-Type: "+structured) || !strings.Contains(text, `"rule":"mode"`) {
			t.Errorf("%q: got %d %s", contentType, answer.Code, text)
		}
	}
}

// TestUnstoredEventsAreNotAccepted lets the stream fail.
func TestUnstoredEventsAreNotAccepted(t *testing.T) {
	s := &fakeStream{err: errors.New("nats is away")}
	h := endpoint(t, config(), s)
	for name, r := range map[string]request{
		"an event":            post(structured, created),
		"a delivery":          {http.MethodPost, "/webhooks/crm", headers("Signature", "right", "Webhook-Id", "d1"), `{"user":"ada","email":"ada@example.org"}`},
		"a delivery at fault": {http.MethodPost, "/webhooks/crm", headers("Signature", "right"), `{`},
	} {
		got := read(t, ask(h, r), map[string]string{"Retry-After": ""})
		if diff := cmp.Diff(reply{Status: 503, Header: map[string]string{"Retry-After": "5"}}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if got := ask(h, request{method: http.MethodGet, target: "/readyz"}).Code; got != http.StatusServiceUnavailable {
		t.Errorf("got status %d of /readyz, want 503", got)
	}
	s.err = fmt.Errorf("event 1 of 1 is %w", streams.ErrTooLarge)
	if got := read(t, ask(h, post(structured, created)), nil); got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got status %d for an event above NATS's limit, want 413", got.Status)
	}
}

// TestFaultyDeliveryIsStored reads the stored delivery.
func TestFaultyDeliveryIsStored(t *testing.T) {
	s := &fakeStream{}
	h := endpoint(t, config(), s)
	ask(h, request{http.MethodPost, "/webhooks/crm", headers("Signature", "right", "Webhook-Id", "d2"), `{"user":"ada","email":"nobody"}`})
	if len(s.kept) != 1 {
		t.Fatalf("got %d deliveries kept, want 1", len(s.kept))
	}
	d := s.kept[0]
	if d.Source != "crm" || d.ID != "d2" || d.Pointer != "/data/email" || string(d.Body) != `{"user":"ada","email":"nobody"}` || strings.Contains(d.Problem, "nobody") {
		t.Errorf("got %+v", d)
	}
}

// TestDeliveryTooLargeToKeep posts deliveries with faults, of which only a digest is kept. The other
// events are stored.
func TestDeliveryTooLargeToKeep(t *testing.T) {
	for _, sender := range []string{"crm", "strict"} {
		t.Run(sender, func(t *testing.T) {
			s := &fakeStream{keepErr: fmt.Errorf("keep: %w", streams.ErrDigestKept)}
			h, results := counted(t, config(), s)
			res := ask(h, request{http.MethodPost, "/webhooks/" + sender, headers("Signature", "right", "Webhook-Id", "d1"), people("ada", "", "cy")})
			if res.Code != http.StatusRequestEntityTooLarge || !strings.Contains(res.Body.String(), "1 of 3 events") {
				t.Errorf("got %d %s, want 413 that says 1 of 3 events", res.Code, res.Body)
			}
			if !slices.Equal(s.ids, []string{"d1.0", "d1.2"}) || *results != sender+" "+ingest.DeliveryKept {
				t.Errorf("stored %q with the result %q, want the two events without a fault, and kept", s.ids, *results)
			}
		})
	}
}

// TestSignedBodies posts deliveries of a sender whose bodies carry a signature.
func TestSignedBodies(t *testing.T) {
	const body = `{"user":"ada","email":"ada@example.org"}`
	for name, c := range map[string]struct {
		secret string
		err    error
		status int
		asked  int
		result string
	}{
		"right":               {"right", nil, http.StatusAccepted, 1, ingest.DeliveryStored},
		"wrong":               {"right", certificates.ErrSignature, http.StatusUnauthorized, 1, ingest.DeliveryUnsigned},
		"not to be known now": {"right", fmt.Errorf("%w: away", certificates.ErrCertificate), http.StatusServiceUnavailable, 1, ingest.DeliveryUnstored},
		"a wrong secret":      {"wrong", nil, http.StatusUnauthorized, 0, ingest.DeliveryUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			s, asked, conf := &fakeStream{}, 0, config()
			hook := conf.Webhooks["crm"]
			hook.Signed = func(_ context.Context, got []byte) error {
				if asked++; string(got) != body {
					t.Errorf("checked %s", got)
				}
				return c.err
			}
			conf.Webhooks["crm"] = hook
			h, results := counted(t, conf, s)
			res := ask(h, request{http.MethodPost, "/webhooks/crm", headers("Signature", c.secret, "Webhook-Id", "d1"), body})
			if res.Code != c.status || asked != c.asked || *results != "crm "+c.result || (len(s.ids) == 1) != (c.status == http.StatusAccepted) {
				t.Errorf("got %d, %d checks, %q, stored %q; want %d, %d, %q", res.Code, asked, *results, s.ids, c.status, c.asked, c.result)
			}
		})
	}
}

// TestRateLimit exceeds the rate of one client.
func TestRateLimit(t *testing.T) {
	c := config()
	c.Rate = 2
	h := endpoint(t, c, &fakeStream{})
	statuses := map[int]int{}
	var after string
	for range 5 {
		res := ask(h, post(structured, created))
		statuses[res.Code]++
		if res.Code == http.StatusTooManyRequests {
			after = res.Header().Get("Retry-After")
		}
	}
	if statuses[202] != 2 || statuses[429] != 3 || after != "1" {
		t.Errorf("got statuses %v and Retry-After %q, want 2 accepted, 3 with Retry-After 1", statuses, after)
	}
	crm := request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer token-of-the-crm-only-00"), strings.Replace(created, "/school", "/crm", 1)}
	if got := ask(h, crm).Code; got != http.StatusAccepted {
		t.Errorf("got status %d for another client, want 202", got)
	}
}

// TestQueryIsNotLogged sends a right and a wrong token in the query.
func TestQueryIsNotLogged(t *testing.T) {
	var log strings.Builder
	set, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	h := ingest.New(config(), ingest.Deps{Stream: &fakeStream{}, Validate: set.Validate, Log: zerolog.New(&log)})
	for _, token := range []string{"token-of-one-who-may-all", "wrong-token-of-nobody"} {
		ask(h, request{http.MethodPost, "/events?access_token=" + token, headers("Content-Type", "text/plain"), "ada@example.org"})
	}
	if text := log.String(); !strings.Contains(text, "rejected") || strings.Contains(text, "token-of") || strings.Contains(text, "ada@") {
		t.Errorf("the log says %s", text)
	}
}

// TestPermissionIsSentToCallback requests a callback to a configured host.
func TestPermissionIsSentToCallback(t *testing.T) {
	got := make(chan http.Header, 1)
	sender := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer sender.Close()
	c := config()
	c.Callbacks = []string{strings.TrimPrefix(sender.URL, "https://")}
	h := ingest.New(c, ingest.Deps{Stream: &fakeStream{}, Client: sender.Client(), Log: zerolog.Nop()})
	res := ask(h, request{http.MethodOptions, "/events", headers("WebHook-Request-Origin", "events.example.org", "WebHook-Request-Callback", sender.URL+"/permit?x=1"), ""})
	if res.Code != http.StatusOK || res.Header().Get("WebHook-Allowed-Origin") != "" {
		t.Errorf("got status %d and permission for %q in the answer, want none there", res.Code, res.Header().Get("WebHook-Allowed-Origin"))
	}
	if sent := <-got; sent.Get("WebHook-Allowed-Origin") != "events.example.org" || sent.Get("WebHook-Allowed-Rate") == "" {
		t.Errorf("got %v, want the permission", sent)
	}
}

// TestWithoutTokensOnlyThisMachineMaySend guards against pages whose name resolves
// to 127.0.0.1.
func TestWithoutTokensOnlyThisMachineMaySend(t *testing.T) {
	c := config()
	c.Clients = nil
	h := endpoint(t, c, &fakeStream{})
	for host, want := range map[string]int{
		"127.0.0.1:8080": 202, "localhost:8080": 202, "[::1]:8080": 202, "localhost": 202,
		"evil.example.org:8080": 403, "evil.example.org": 403, "10.0.0.1": 403, "": 403,
	} {
		req := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(created))
		req.Header.Set("Content-Type", structured)
		req.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("host %q: got status %d, want %d", host, w.Code, want)
		}
	}
}
