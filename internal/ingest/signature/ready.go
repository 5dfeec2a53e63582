package signature

import (
	"net/http"
	"slices"
)

// Scheme is the name of a sender's way of signing.
type Scheme string

// The ready templates.
const (
	// StandardWebhooks is Standard Webhooks 1.0.0 with v1 signatures, also under the headers of
	// Svix: HMAC-SHA256 over id, timestamp and body.
	StandardWebhooks Scheme = "standard"
	// GitHub is X-Hub-Signature-256: HMAC-SHA256 over the body, without a timestamp. With
	// Options.Header, the bare digest in hex or base64 is accepted too
	// (X-Thinkific-Hmac-Sha256, X-Shopify-Hmac-Sha256).
	GitHub Scheme = "github"
	// Stripe is Stripe-Signature: HMAC-SHA256 over timestamp and body. With Options.Header,
	// other headers of the same form are read (WorkOS-Signature).
	Stripe Scheme = "stripe"
	// Slack is X-Slack-Signature, with the time in X-Slack-Request-Timestamp.
	Slack Scheme = "slack"
	// Zoom is X-Zm-Signature, with the time in X-Zm-Request-Timestamp.
	Zoom Scheme = "zoom"
	// Paddle is Paddle-Signature.
	Paddle Scheme = "paddle"
	// Token is a shared token in a header, which proves the sender but not the body.
	Token Scheme = "token"
	// Basic is user:password in Authorization, as in an address with user and password.
	Basic Scheme = "basic"
	// Custom is Options.Template.
	Custom Scheme = "template"
)

// Schemes returns all schemes, in a fixed order.
func Schemes() []Scheme {
	return []Scheme{StandardWebhooks, GitHub, Stripe, Slack, Zoom, Paddle, Token, Basic, Custom}
}

// ready are the templates of schemes with fixed headers, or with a header by default.
var ready = map[Scheme][]Template{
	StandardWebhooks: {standardTemplate("Webhook-"), standardTemplate("Svix-")},
	GitHub:           {{Header: "X-Hub-Signature-256", Signature: "sha256=", IDHeader: "X-GitHub-Delivery"}},
	Stripe:           {{Header: "Stripe-Signature", Separator: ",", Signature: "v1=", Time: "t=", Signed: "{time}.{body}"}},
	Slack:            {{Header: "X-Slack-Signature", Signature: "v0=", TimeHeader: "X-Slack-Request-Timestamp", Signed: "v0:{time}:{body}"}},
	Zoom:             {{Header: "X-Zm-Signature", Signature: "v0=", TimeHeader: "X-Zm-Request-Timestamp", Signed: "v0:{time}:{body}"}},
	Paddle:           {{Header: "Paddle-Signature", Separator: ";", Signature: "h1=", Time: "ts=", Signed: "{time}:{body}"}},
	Token:            {{Header: "Authorization", Signature: "Bearer "}},
	Basic:            {{Header: "Authorization", Signature: "Basic ", Key: basicKey}},
}

// standardTemplate is Standard Webhooks with a prefix of all headers.
func standardTemplate(prefix string) Template {
	return Template{
		Header: prefix + "Signature", Separator: " ", Signature: "v1,", Encoding: base64Encoding, IDHeader: prefix + "Id",
		TimeHeader: prefix + "Timestamp", TimeFormat: secondsTime, Signed: "{id}.{time}.{body}", Key: base64Key,
	}
}

// templates returns the templates of a scheme. header replaces the header of the scheme.
func (s Scheme) templates(header string) []Template {
	list := slices.Clone(ready[s])
	if header == "" || len(list) == 0 || http.CanonicalHeaderKey(header) == list[0].Header {
		return list
	}
	switch s {
	case GitHub: // other senders send the bare digest
		list = append(list, Template{Encoding: anyEncoding, IDHeader: list[0].IDHeader})
	case Token:
		list[0].Signature = ""
	}
	for i := range list {
		list[i].Header = header
	}
	return list
}
