package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

const (
	mostActions = 500
	auditDays   = 30
)

// auditPage is what was done by hand, the newest first.
type auditPage struct {
	Days    int
	Actions []streams.Action
	More    bool // older ones of these days
}

// audit tells who did what. All that are kept takes a year's reading.
func (c *Console) audit(ctx context.Context, v *visit) (answer, error) {
	p := auditPage{Days: auditDays}
	q := streams.AuditQuery{Since: time.Now().Add(-auditDays * 24 * time.Hour)}
	if v.FormValue("all") != "" {
		p.Days, q = 0, streams.AuditQuery{}
	}
	for a, err := range v.desk.Streams.Audit.List(ctx, q) {
		if err != nil {
			return answer{}, err
		}
		if len(p.Actions) == mostActions {
			p.Actions, p.More = slices.Delete(p.Actions, 0, 1), true
		}
		p.Actions = append(p.Actions, a.Action)
	}
	slices.Reverse(p.Actions)
	return answer{page: "audit", title: "Audit", data: p}, nil
}

// deedName is the kind of an action in words: usher.dead.replayed is "dead replayed".
func deedName(kind string) string {
	return strings.ReplaceAll(strings.TrimPrefix(kind, "usher."), ".", " ")
}
