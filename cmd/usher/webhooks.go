package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/ingest/signature"
)

// webhooks makes the senders of the configuration ready, and returns every fault
// of any of them at once.
func webhooks(c config.Config) (map[string]ingest.Webhook, error) {
	hooks := map[string]ingest.Webhook{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.Webhooks)) {
		hook, err := webhook(name, c.Webhooks[name])
		if err != nil {
			faults = append(faults, fmt.Errorf("webhooks.%s: %w", name, err))
		}
		hooks[name] = hook
	}
	return hooks, errors.Join(faults...)
}

func webhook(name string, c config.Webhook) (ingest.Webhook, error) {
	verifier, err := signature.New(signature.Scheme(c.Scheme), c.Secrets, signature.Options{Tolerance: c.Tolerance, Header: c.Header})
	mapper, err2 := mapper(name, c)
	return ingest.Webhook{Verifier: verifier, Mapper: mapper}, errors.Join(err, err2)
}

// mapper is how a sender's payloads become events.
func mapper(name string, c config.Webhook) (*mapping.Mapping, error) {
	var m mapping.Config
	if err := c.Event.Decode(&m); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return mapping.New(name, m)
}
