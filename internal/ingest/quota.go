package ingest

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/internal/clientlimit"
)

// Quota limits the events and the bytes of a client in an hour, in this process. Zero is no limit.
type Quota struct{ Events, Bytes int }

// quotas has the limits of all clients with a quota.
type quotas map[string]*clientlimit.Limits

// cost is a part of a quota, used up by one request.
type cost struct {
	unit  string
	n     int
	limit int
}

func (q Quota) events(n int) cost { return cost{"events", n, q.Events} }
func (q Quota) bytes(n int) cost  { return cost{"bytes", n, q.Bytes} }

// newQuotas returns full quotas. A used-up quota fills in the course of an hour.
func newQuotas(clients []Client) quotas {
	all := quotas{}
	for _, c := range clients {
		for _, part := range []cost{c.Quota.events(0), c.Quota.bytes(0)} {
			if part.limit > 0 {
				all[c.Name+" "+part.unit] = clientlimit.NewLimits(rate.Limit(float64(part.limit)/time.Hour.Seconds()), part.limit)
			}
		}
	}
	return all
}

// withinQuota counts the cost of a request, and answers the request above the quota with 429.
func (p *endpoint) withinQuota(w http.ResponseWriter, r *http.Request, client string, c cost) bool {
	limits := p.quotas[client+" "+c.unit]
	if limits == nil {
		return true
	}
	after := limits.Spend(client, c.n)
	if after > 0 {
		p.refuse(w, r, problem{Status: http.StatusTooManyRequests, after: after, Detail: fmt.Sprintf("this client may send %d %s in an hour", c.limit, c.unit)})
	}
	return after <= 0
}
