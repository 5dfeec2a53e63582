package engine

import (
	"context"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/notify"
	"github.com/usherhq/usher/internal/ops"
)

// notifier returns the notifier of the process, for the configuration of the moment.
func (s *Server) notifier() *notify.Notifier {
	lookout := &ops.Lookout{}
	return &notify.Notifier{
		Records: func(ctx context.Context) (notify.Records, error) { return s.streams.Load().Control.Records(ctx) },
		Problems: func(ctx context.Context) ([]notify.Problem, error) {
			e := &Engine{Config: s.settings()}
			return lookout.Problems(ctx, s.operations(), e.readsAudit())
		},
		Config: func() notify.Config { return Notifications(s.settings().Notify) },
		Log:    s.Log,
		Sent:   s.metrics.Notification,
	}
}

// Notifications returns the targets of the configuration.
func Notifications(c config.Notify) notify.Config {
	out := notify.Config{Every: c.Every, Links: notify.Links{Console: c.Console, Runbook: c.Runbook}}
	for _, t := range c.Targets {
		out.Targets = append(out.Targets, notify.Target{Name: t.Name, Format: t.Format, URL: t.URL, Secrets: t.Secrets, Kinds: t.Kinds, CA: t.CA})
	}
	return out
}
