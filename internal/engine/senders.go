package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/ingest/signature"
	"github.com/usherhq/usher/internal/ingest/sns"
	"github.com/usherhq/usher/internal/ops"
)

// Senders returns the web hooks, by name, and the clients of the HTTP server. Faults of the
// configuration are returned all at once.
func Senders(c config.Config) (hooks map[string]ingest.Webhook, list []ingest.Client, faults []*config.Error) {
	fault := func(key, problem string) {
		faults = append(faults, &config.Error{Key: key, Problem: problem, Fix: "see docs/http.md"})
	}
	hooks = map[string]ingest.Webhook{}
	for _, name := range slices.Sorted(maps.Keys(c.Webhooks)) {
		hook := c.Webhooks[name]
		verifier, err := verifierOf(hook)
		for _, err := range ops.Faults(err) {
			fault("webhooks."+name, err.Error())
		}
		mapper, err := ops.Mapping(name, hook)
		for _, err := range ops.Faults(err) {
			fault("webhooks."+name+".event", err.Error())
		}
		if !slices.Contains([]string{"", "keep", "refuse"}, hook.Unmappable) {
			fault("webhooks."+name+".unmappable", fmt.Sprintf("%q is neither keep nor refuse", hook.Unmappable))
		}
		channel := events.Channel{}
		if len(hook.Secrets) > 0 {
			channel = events.NewChannel("webhook "+name, hook.Secrets[0].Reveal())
		}
		signed, err := signedBy(hook.SNSHost)
		if err != nil {
			fault("webhooks."+name+".sns_host", err.Error())
		}
		hooks[name] = ingest.Webhook{
			Signed:  signed,
			Channel: channel, Verifier: verifier, Mapper: mapper, MaxBody: int64(hook.MaxBody), Refuse: hook.Unmappable == "refuse",
			Challenges: challenges(hook, func(problem string) { fault("webhooks."+name+".challenges", problem) }), Digest: verifier.Digest,
		}
	}
	for _, token := range c.HTTP.Tokens {
		list = append(list, ingest.Client{Name: "tokens", Token: token, Channel: events.NewChannel("tokens", token.Reveal())})
	}
	for _, client := range c.HTTP.Clients {
		for _, kind := range client.Types {
			if !slices.Contains(events.Types(), kind) {
				fault("http.clients", fmt.Sprintf("%s may send %q, which is no type of event", client.Name, kind))
			}
		}
		list = append(list, ingest.Client{
			Name: client.Name, Token: client.Token, Sources: client.Sources, Types: client.Types,
			Quota:   ingest.Quota{Events: client.Events, Bytes: int(client.Bytes)},
			Channel: events.NewChannel("client "+client.Name, client.Token.Reveal()),
		})
	}
	return hooks, list, faults
}

// snsHost is a host with an optional port.
var snsHost = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]+)?$`)

// signedBy returns the check of signatures of Amazon SNS; nil without a host.
func signedBy(host string) (func(context.Context, []byte) error, error) {
	if host == "" {
		return nil, nil
	}
	if !snsHost.MatchString(host) {
		return nil, fmt.Errorf("%q is no host such as sns.eu-central-1.amazonaws.com", host)
	}
	return sns.New(host, nil).Check, nil
}

// verifierOf returns the verifier of the signatures of a sender.
func verifierOf(hook config.Webhook) (*signature.Verifier, error) {
	o := signature.Options{Tolerance: hook.Tolerance, Header: hook.Header}
	scheme := signature.Scheme(hook.Scheme)
	if !hook.Template.IsZero() {
		o.Template = &signature.Template{}
		if err := hook.Template.Decode(o.Template); err != nil {
			return nil, fmt.Errorf("template: %w", err)
		}
		scheme = cmp.Or(scheme, signature.Custom)
	}
	return signature.New(scheme, hook.Secrets, o)
}

// challenges returns the challenges of a sender. fault is called with each fault.
func challenges(hook config.Webhook, fault func(problem string)) (list []ingest.Challenge) {
	for _, name := range hook.Challenges {
		if !slices.Contains(ingest.Challenges(), ingest.Challenge(name)) {
			fault(fmt.Sprintf("%q is no challenge: use some of %v", name, ingest.Challenges()))
		}
		list = append(list, ingest.Challenge(name))
	}
	return list
}

// foreignEvents returns the mappings of CloudEvents of other systems, and all faults.
func foreignEvents(c config.Config) (list []*mapping.Foreign, faults []*config.Error) {
	list, err := ops.Foreign(c)
	for _, err := range ops.Faults(err) {
		faults = append(faults, &config.Error{Key: "from", Problem: err.Error(), Fix: "see docs/webhooks.md"})
	}
	return list, faults
}

// CheckSenders returns the faults of the senders and of the mappings of CloudEvents.
func CheckSenders(c config.Config) []*config.Error {
	_, _, faults := Senders(c)
	_, wrong := foreignEvents(c)
	return append(faults, wrong...)
}

// joinFaults joins faults to one error.
func joinFaults(faults []*config.Error) error {
	var all []error
	for _, f := range faults {
		all = append(all, f)
	}
	return errors.Join(all...)
}
