package engine

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ingest/signature"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/schemas"
)

// Trial is the outcome of a captured delivery, without anything stored.
type Trial struct {
	Sender    string
	Signature string   // the way of signing that fits, or the reason why none does
	Verified  bool     // apart from the age of the delivery
	Stale     bool     // too old for a live delivery
	Fits      []string // other ways of signing that fit, if the configured one does not
	Events    []events.Event
	Faults    []string // of the body, and of parts that cannot become an event
}

// Try verifies and maps a captured delivery of a sender.
func Try(c config.Config, sender string, header http.Header, body []byte) (Trial, error) {
	hook, ok := c.Webhooks[sender]
	if !ok {
		return Trial{}, fmt.Errorf("there is no sender webhooks.%s in the configuration", sender)
	}
	verifier, err := verifierOf(hook)
	if err != nil {
		return Trial{}, fmt.Errorf("webhooks.%s: %w", sender, err)
	}
	t := Trial{Sender: sender}
	match, err := verifier.Match(header, body)
	t.Stale = errors.Is(err, signature.ErrStale)
	if t.Verified = err == nil || t.Stale; t.Verified {
		t.Signature = fmt.Sprintf("fits in %s, with secret %d of %d: %s", match.Header, match.Secret+1, len(hook.Secrets), match.Form)
	} else {
		t.Signature = err.Error()
		t.Fits = signature.Diagnose(hook.Secrets, header, body)
	}
	most, setting := c.HTTP.MaxBody, "http.max_body"
	if hook.MaxBody > 0 {
		most, setting = hook.MaxBody, "webhooks."+sender+".max_body"
	}
	if len(body) > int(most) {
		t.Faults = append(t.Faults, fmt.Sprintf("the body has %d bytes, more than %s (%s): a live delivery gets 413", len(body), setting, most))
		return t, nil
	}
	hook.MaxBody = most
	return t, t.mapped(hook, match.ID, header, body)
}

// mapped maps and validates the delivery.
func (t *Trial) mapped(hook config.Webhook, id string, header http.Header, body []byte) error {
	mapper, err := ops.Mapping(t.Sender, hook)
	if err != nil {
		return fmt.Errorf("webhooks.%s.event: %w", t.Sender, err)
	}
	valid, err := schemas.New()
	if err != nil {
		return err
	}
	header, body, err = ingest.Plain(header, body, int64(hook.MaxBody))
	if err != nil {
		t.Faults = append(t.Faults, err.Error())
		return nil
	}
	outcomes, err := mapper.Map(id, header, body)
	if err != nil {
		t.Faults = append(t.Faults, err.Error())
	}
	for _, o := range outcomes {
		if o.Err == nil {
			o.Err = valid.Validate(o.Event)
		}
		if o.Err != nil {
			t.Faults = append(t.Faults, ops.AtPlace(o.Place)+o.Err.Error())
			continue
		}
		t.Events = append(t.Events, o.Event)
	}
	return nil
}
