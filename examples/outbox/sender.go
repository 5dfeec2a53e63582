package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// newSender returns a sender to NATS, or to the endpoint of Usher.
func newSender(natsURL, usherURL, token string) (sender, error) {
	if usherURL != "" {
		return endpoint{url: usherURL + "/events", token: token, client: &http.Client{Timeout: 10 * time.Second}}, nil
	}
	if natsURL == "" {
		return nil, errors.New("set NATS_URL or USHER_URL")
	}
	nc, err := nats.Connect(natsURL, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	return stream{js}, err
}

// stream publishes to JetStream.
type stream struct{ js jetstream.JetStream }

func (s stream) send(ctx context.Context, e event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = s.js.PublishMsg(ctx, &nats.Msg{Subject: e.Type, Data: body, Header: nats.Header{
		"Content-Type": {"application/cloudevents+json"},
		nats.MsgIdHdr:  {source + " " + e.ID}, // NATS drops a repeat
	}})
	return err
}

// endpoint posts to Usher.
type endpoint struct {
	url, token string
	client     *http.Client
}

func (p endpoint) send(ctx context.Context, e event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	answer, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	switch answer.StatusCode {
	case http.StatusAccepted:
		return nil
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return errRefused{fmt.Sprintf("%s: %s", answer.Status, text)} // a repeat gets the same answer
	default:
		return fmt.Errorf("POST %s: %s: %s", p.url, answer.Status, text)
	}
}
