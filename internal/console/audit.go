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
	mostActions = 500
	auditDays   = 30
)

// auditPage is what was done by hand, the newest first.
type auditPage struct {
	Days    int
	Actions []bus.Action
	More    bool // older ones of these days
}

// audit tells who did what. All that are kept takes a year's reading.
func (c *Console) audit(ctx context.Context, v *visit) (answer, error) {
	p := auditPage{Days: auditDays}
	q := bus.AuditQuery{Since: time.Now().Add(-auditDays * 24 * time.Hour)}
	if v.FormValue("all") != "" {
		p.Days, q = 0, bus.AuditQuery{}
	}
	err := v.desk.Bus.Actions(ctx, q, func(_ events.Event, a bus.Action) bool {
		if len(p.Actions) == mostActions {
			p.Actions, p.More = slices.Delete(p.Actions, 0, 1), true
		}
		p.Actions = append(p.Actions, a)
		return true
	})
	slices.Reverse(p.Actions)
	return answer{page: "audit", title: "Audit", data: p}, err
}

// deedName is the kind of an action in words: usher.dead.replayed is "dead replayed".
func deedName(kind string) string {
	return strings.ReplaceAll(strings.TrimPrefix(kind, "usher."), ".", " ")
}
