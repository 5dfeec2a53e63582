package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

const (
	maxActionsShown = 500
	auditDays       = 30
)

// auditPage lists the actions by hand, newest first.
type auditPage struct {
	Days    int
	Actions []streams.Action
	More    bool // the days have older actions
}

// audit shows the actions of the last days only: the log keeps a year of actions.
func (c *Console) audit(ctx context.Context, v *visit) (answer, error) {
	p := auditPage{Days: auditDays}
	q := streams.AuditQuery{Since: time.Now().Add(-auditDays * 24 * time.Hour)}
	if v.FormValue("all") != "" {
		p.Days, q = 0, streams.AuditQuery{}
	}
	for a, err := range v.service.Streams.Audit.List(ctx, q) {
		if err != nil {
			return answer{}, err
		}
		if len(p.Actions) == maxActionsShown {
			p.Actions, p.More = slices.Delete(p.Actions, 0, 1), true
		}
		p.Actions = append(p.Actions, a.Action)
	}
	slices.Reverse(p.Actions)
	return answer{page: "audit", title: "Audit", data: p}, nil
}

// actionName returns the kind of an action in words: usher.dead.replayed is "dead replayed".
func actionName(kind string) string {
	return strings.ReplaceAll(strings.TrimPrefix(kind, "usher."), ".", " ")
}
