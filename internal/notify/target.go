package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/vendors"
)

// The formats of messages.
const (
	Standard = "standard" // JSON, signed by Standard Webhooks
	Slack    = "slack"    // an incoming web hook of Slack
	Teams    = "teams"    // a web hook of Workflows in Microsoft Teams
)

// Formats returns the formats of messages.
func Formats() []string { return []string{Standard, Slack, Teams} }

const (
	callTime   = 10 * time.Second
	sendTime   = 30 * time.Second // all tries of one message
	maxAnswer  = 4 << 10
	firstPause = time.Second
)

// Target is a receiver of messages.
type Target struct {
	Name    string
	Format  string
	URL     vendors.Secret   // may hold a secret in its path
	Secrets []vendors.Secret // sign each message; several during a rotation
	Kinds   []string         // of the problems; none: all
	CA      string           // path of a PEM file; empty: the CAs of the system

	transport http.RoundTripper // nil: a new one
}

// wants reports whether the target wants problems of a kind.
func (t Target) wants(kind string) bool {
	return len(t.Kinds) == 0 || slices.Contains(t.Kinds, kind)
}

// Answer is the answer of a receiver.
type Answer struct {
	Status int
	Text   string // at most 4 KiB
}

// Once sends a message in one request. The error names no part of the URL but the host.
func (t Target) Once(ctx context.Context, m Message, l Links) (Answer, error) {
	client, err := t.client()
	if err != nil {
		return Answer{}, err
	}
	defer client.CloseIdleConnections()
	return t.post(ctx, client, m, l)
}

// send sends a message, with further tries after failures that may pass.
func (t Target) send(ctx context.Context, m Message, l Links) error {
	client, err := t.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	schedule := backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstPause), backoff.WithMaxElapsedTime(sendTime))
	try := func() error {
		answer, err := t.post(ctx, client, m, l)
		if err != nil && !passing(answer.Status) {
			return backoff.Permanent(err)
		}
		return err
	}
	return backoff.Retry(try, backoff.WithContext(schedule, ctx))
}

// passing reports whether a failure may pass by itself; 0 stands for no answer.
func passing(status int) bool {
	return status == 0 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// post makes one request. A status other than 2xx is an error.
func (t Target) post(ctx context.Context, client *http.Client, m Message, l Links) (Answer, error) {
	now := time.Now()
	body, err := m.body(t.Format, l, now)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, errors.New("the URL cannot be read")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "usher")
	if err := t.sign(r.Header, m.ID, now, body); err != nil {
		return Answer{}, err
	}
	res, err := client.Do(r)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // the status decides
	answer := Answer{res.StatusCode, string(text)}
	if res.StatusCode/100 != 2 {
		return answer, fmt.Errorf("the receiver answered with status %d", res.StatusCode)
	}
	return answer, nil
}

// sign adds the headers of Standard Webhooks.
func (t Target) sign(h http.Header, id string, at time.Time, body []byte) error {
	if len(t.Secrets) == 0 {
		return nil
	}
	var signatures []string
	for _, secret := range t.Secrets {
		hook, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err != nil {
			return errors.New("a secret is not in the form whsec_ and base64")
		}
		signature, err := hook.Sign(id, at, body)
		if err != nil {
			return errors.New("the message cannot be signed")
		}
		signatures = append(signatures, signature)
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// client returns a client that follows no redirect: a receiver cannot send the message elsewhere.
func (t Target) client() (*http.Client, error) {
	transport, err := t.connect()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

func (t Target) connect() (http.RoundTripper, error) {
	if t.transport != nil {
		return t.transport, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.MaxResponseHeaderBytes = 64 << 10
	if t.CA != "" {
		text, err := bounded.ReadFile(t.CA, bounded.SettingsFile)
		if err != nil {
			return nil, errors.New("the file of the setting ca cannot be read")
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, errors.New("the file of the setting ca has no certificate")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return transport, nil
}

// withoutURL returns the error of a request without the URL, whose path may be a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
