package send

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
)

const (
	batchType  = "application/cloudevents-batch+json"
	batchCount = 100     // events in one request
	batchBytes = 1 << 20 // in one request, unless one event is larger
	postTime   = 30 * time.Second
)

// Poster posts events to usher serve.
type Poster struct {
	client *http.Client
	url    string
	token  string
}

// overHTTP posts the events in batches. The server stores a batch as a whole or not at all.
func (s Cmd) overHTTP(ctx context.Context, c config.HTTP, list []events.Event, p *output.Progress) (summary, error) {
	to, err := s.poster(c)
	if err != nil {
		return summary{}, app.Usage(err)
	}
	var done summary
	for done.Sent < len(list) {
		batch, n, err := NextBatch(list[done.Sent:])
		if err != nil {
			return done, err
		}
		if err := to.Post(ctx, batch, n); err != nil {
			return done, err
		}
		done.Sent += n
		p.Of(done.Sent, len(list))
	}
	return done, nil
}

// poster returns the poster for the flags, with defaults from the configuration.
func (s Cmd) poster(c config.HTTP) (Poster, error) {
	base, token := s.URL, s.Token
	if base == "" {
		base = "http://127.0.0.1:8080"
		if c.On() {
			base = "http://" + app.Dialable(c.Addr)
		}
	}
	if s.TokenFile != "" {
		text, err := bounded.ReadFile(s.TokenFile, bounded.SettingsFile)
		if err != nil {
			return Poster{}, fmt.Errorf("--token-file: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	if token == "" && len(c.Tokens) > 0 {
		token = c.Tokens[0].Reveal()
	}
	return NewPoster(base, token)
}

// NewPoster returns a poster for an address and a token. The token may be empty.
func NewPoster(base, token string) (Poster, error) {
	u, err := url.Parse(base) // the error would contain the address
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return Poster{}, errors.New("--url is no address to send to: want http://host:port or https://host, without a user")
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token is for this server only
	return Poster{&http.Client{Timeout: postTime, CheckRedirect: noRedirect}, strings.TrimRight(base, "/") + "/events", token}, nil
}

// NextBatch returns the body of the next request, and the number of events in the body.
func NextBatch(list []events.Event) (body []byte, n int, err error) {
	var texts [][]byte
	size := 0
	for _, e := range list[:min(len(list), batchCount)] {
		_, text, err := events.ToNATS(e)
		if err != nil {
			return nil, 0, fmt.Errorf("write event %s: %w", e.ID(), err)
		}
		if size += len(text); size > batchBytes && len(texts) > 0 {
			break
		}
		texts = append(texts, text)
	}
	if len(texts) == 1 {
		return texts[0], 1, nil
	}
	return append(append([]byte("["), bytes.Join(texts, []byte(","))...), ']'), len(texts), nil
}

// Post sends one request, with one event or a batch of n.
func (p Poster) Post(ctx context.Context, body []byte, n int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", batchType)
	if n == 1 {
		req.Header.Set("Content-Type", events.ContentType)
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	answer, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("nobody answers: %w; is usher serve listening at this address? set --url, or send with --via nats", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return fmt.Errorf("post to %s: status %d%s", p.url, answer.StatusCode, refusal(answer))
}

// refusal returns the reason of a refusal: the problem in the answer, or advice for the status.
func refusal(answer *http.Response) string {
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ": give --token, or set USHER_HTTP_TOKENS to a token that the endpoint knows"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return ": there is no endpoint for events; check --url"
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var problem struct{ Title, Detail string }
	if err != nil || json.Unmarshal(body, &problem) != nil {
		return ""
	}
	text := strings.TrimSpace(output.Plain(problem.Title+" "+problem.Detail, ""))
	if text == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(text[:min(len(text), 512)], "")
}

// Close closes idle connections.
func (p Poster) Close() { p.client.CloseIdleConnections() }
