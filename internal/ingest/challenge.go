package ingest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Challenge is a request by which a sender checks an endpoint, and its answer.
type Challenge string

// The challenges.
const (
	// Okta is a GET with X-Okta-Verification-Challenge. The answer has the value of the header.
	Okta Challenge = "okta"
	// Slack is a signed POST of type url_verification. The answer has the challenge.
	Slack Challenge = "slack"
	// Zoom is a signed POST of the event endpoint.url_validation. The answer has the token, and
	// its digest by the secret.
	Zoom Challenge = "zoom"
	// SNS is a signed POST of type SubscriptionConfirmation. The log tells the operator the
	// address to open.
	SNS Challenge = "sns"
	// WooCommerce is a POST of a form with webhook_id alone, without a signature.
	WooCommerce Challenge = "woocommerce"
	// Echo is a GET or POST with challenge or validationToken in the query. The answer is the
	// value.
	Echo Challenge = "echo"
	// Probe is a GET or HEAD. The answer is 200.
	Probe Challenge = "probe"
)

// Challenges returns all challenges, in a fixed order.
func Challenges() []Challenge { return []Challenge{Okta, Slack, Zoom, SNS, WooCommerce, Echo, Probe} }

// maxChallenge limits the bytes of a challenge; a body with a challenge has some more.
const maxChallenge = 1000

// challengeText is a text that is safe to send back.
var challengeText = regexp.MustCompile(`^[A-Za-z0-9._~:/+=%,@ -]{1,1000}$`)

func (h Webhook) answers(c Challenge) bool { return slices.Contains(h.Challenges, c) }

// answersGet reports whether the sender may check the endpoint by GET.
func (h Webhook) answersGet() bool { return h.answers(Okta) || h.answers(Echo) || h.answers(Probe) }

// getWebhook answers a check by GET or HEAD.
func (p *endpoint) getWebhook(w http.ResponseWriter, r *http.Request, name string) {
	if !p.withinLimit(w, r, p.unsigned, p.address(r)) {
		return
	}
	hook := p.config.Webhooks[name]
	text := r.Header.Get("X-Okta-Verification-Challenge")
	switch {
	case hook.answers(Okta) && challengeText.MatchString(text):
		writeJSON(w, "application/json", http.StatusOK, map[string]string{"verification": text})
	case p.echo(w, r, hook):
	case hook.answers(Probe):
		w.WriteHeader(http.StatusOK)
	default:
		p.refuse(w, r, problem{Status: http.StatusBadRequest, Detail: "the request has no challenge that this sender may send"})
		return
	}
	p.delivered(name, DeliveryChallenge)
}

// echo answers a challenge in the query. Reports false if there is none.
func (p *endpoint) echo(w http.ResponseWriter, r *http.Request, hook Webhook) bool {
	if !hook.answers(Echo) || r.URL.RawQuery == "" {
		return false
	}
	query := r.URL.Query()
	for _, name := range []string{"challenge", "validationToken"} {
		if text := query.Get(name); challengeText.MatchString(text) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(text)) //nolint:gosec // plain text of harmless characters
			return true
		}
	}
	return false
}

var wooCommercePing = regexp.MustCompile(`^webhook_id=[0-9]{1,20}$`)

// unsignedCheck answers a check that is no delivery and has no signature. Reports false for other
// requests.
func (p *endpoint) unsignedCheck(w http.ResponseWriter, r *http.Request, name string, body []byte) bool {
	hook := p.config.Webhooks[name]
	if !p.echo(w, r, hook) {
		if !hook.answers(WooCommerce) || !wooCommercePing.Match(body) {
			return false
		}
		w.WriteHeader(http.StatusOK)
	}
	p.delivered(name, DeliveryChallenge)
	return true
}

// signedChallenge has the members of all challenges in a signed body.
type signedChallenge struct {
	Type, Event  string
	Challenge    string
	Payload      struct{ PlainToken string }
	SubscribeURL string
}

// signedCheck answers a check in a verified body. Reports false for other deliveries.
func (p *endpoint) signedCheck(w http.ResponseWriter, _ *http.Request, name string, body []byte) bool {
	hook := p.config.Webhooks[name]
	if len(hook.Challenges) == 0 || len(body) > 16*maxChallenge || !bytes.Contains(body, []byte("{")) {
		return false
	}
	var c signedChallenge
	if json.Unmarshal(body, &c) != nil {
		return false
	}
	token := c.Payload.PlainToken
	switch {
	case hook.answers(Slack) && c.Type == "url_verification" && challengeText.MatchString(c.Challenge):
		writeJSON(w, "application/json", http.StatusOK, map[string]string{"challenge": c.Challenge})
	case hook.answers(Zoom) && c.Event == "endpoint.url_validation" && zoomToken.MatchString(token) && hook.Digest != nil:
		writeJSON(w, "application/json", http.StatusOK, map[string]string{"plainToken": token, "encryptedToken": hook.Digest(token)})
	case hook.answers(SNS) && (c.Type == "SubscriptionConfirmation" || c.Type == "UnsubscribeConfirmation"):
		p.tellOperator(name, c)
		w.WriteHeader(http.StatusOK)
	default:
		return false
	}
	p.delivered(name, DeliveryChallenge)
	return true
}

// zoomToken has no colon: a digest of the token must not be the signature of a delivery.
var zoomToken = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// snsHost matches the hosts of Amazon SNS.
var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?$`)

// tellOperator logs the address that confirms a subscription of Amazon SNS. Usher never opens the
// address: the sender names it.
func (p *endpoint) tellOperator(name string, c signedChallenge) {
	u, err := url.Parse(c.SubscribeURL)
	if err != nil || u.Scheme != "https" || u.User != nil || !snsHost.MatchString(u.Host) || strings.ContainsAny(c.SubscribeURL, " \n\r\t") {
		p.deps.Log.Warn().Str("source", name).Msg("a confirmation of a subscription names no address of Amazon SNS, and is not shown")
		return
	}
	p.deps.Log.Warn().Str("source", name).Str("type", c.Type).Str("url", u.String()).Msg("to confirm the subscription of Amazon SNS, open the address")
}
