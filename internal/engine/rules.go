package engine

import (
	"context"
	"fmt"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/rules"
)

// rules returns the compiled rules scope and map of a vendor, and the profiles for the rules; nil
// without such a rule.
func (e *Engine) rules(ctx context.Context, v Vendor) (handlers.Rules, mailbox.Profiles, error) {
	set, err := v.compile()
	if err != nil || set == nil {
		return nil, nil, err
	}
	store, err := profile.Open(ctx, e.Streams.Client, e.profileKeys)
	return set, store, err
}

// compile returns the compiled rules scope and map of the vendor; nil without such a rule.
func (v Vendor) compile() (handlers.Rules, error) {
	c := v.Rules().Expressions()
	if c.Empty() {
		return nil, nil
	}
	set, err := rules.New(c)
	if err != nil {
		return nil, fmt.Errorf("rules of %s: %w", v.Name, err)
	}
	return set, nil
}

// team returns the rules of the team without expressions.
func (v Vendor) team() handlers.Policy {
	r := v.Rules()
	return handlers.Policy{
		May: r.May, Shadow: r.Mode.Is(config.Shadow), DeleteAfter: r.DeleteAfter,
		Match: r.Match, Adopt: handlers.Adopt(r.Adopt), OnDelete: handlers.Removal(r.OnDelete), OnLeave: handlers.Removal(r.OnLeave),
		SkipUnknown: r.OnUnknown == config.SkipUnknown,
	}
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
