package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
)

const (
	maxActionsShown = 500
	auditDays       = 30
)

// auditPage lists the actions by hand, newest first.
type auditPage struct {
	Days    int
	Actions []bus.Action
	More    bool // the days have older actions
}

// audit shows the actions of the last days only: the log keeps a year of actions.
func (c *Console) audit(ctx context.Context, v *visit) (answer, error) {
	p := auditPage{Days: auditDays}
	q := bus.AuditQuery{Since: time.Now().Add(-auditDays * 24 * time.Hour)}
	if v.FormValue("all") != "" {
		p.Days, q = 0, bus.AuditQuery{}
	}
	err := v.desk.Bus.Actions(ctx, q, func(_ events.Event, a bus.Action) bool {
		if len(p.Actions) == maxActionsShown {
			p.Actions, p.More = slices.Delete(p.Actions, 0, 1), true
		}
		p.Actions = append(p.Actions, a)
		return true
	})
	slices.Reverse(p.Actions)
	return answer{page: "audit", title: "Audit", data: p}, err
}

// actionName returns the kind of an action in words: usher.dead.replayed is "dead replayed".
func actionName(kind string) string {
	return strings.ReplaceAll(strings.TrimPrefix(kind, "usher."), ".", " ")
}
