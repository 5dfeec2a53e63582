package engine

import (
	"context"
	"fmt"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/rules"
)

// rules returns the compiled rules scope and map of a vendor, and the profiles for the rules; nil
// without such a rule.
func (e *Engine) rules(ctx context.Context, v Vendor) (handlers.Rules, mailbox.Profiles, error) {
	c := v.Rules().Expressions()
	if c.Empty() {
		return nil, nil, nil
	}
	set, err := rules.New(c)
	if err != nil {
		return nil, nil, fmt.Errorf("rules of %s: %w", v.Name, err)
	}
	store, err := profile.Open(ctx, e.Streams.Client, e.profileKeys)
	return set, store, err
}

// readKeys reads the keys of profiles.
func (e *Engine) readKeys() error {
	keys, err := profile.ReadKeys(e.Config.Profiles.Keys)
	if err != nil {
		return SettingsError{err}
	}
	e.profileKeys = keys
	return nil
}
