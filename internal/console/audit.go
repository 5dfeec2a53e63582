package console

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

const (
	actionsOfPage = 100
	maxAudited    = 10_000 // matching actions that the pages reach
	auditDays     = 30
)

// auditSpans are the choices of how far back the page looks, in days; 0: all that is kept.
var auditSpans = []int{1, 7, auditDays, 365, 0}

// auditFilter selects actions.
type auditFilter struct {
	Who, What, Vendor string
	Days              int
}

// auditPage lists the actions by hand, newest first.
type auditPage struct {
	Filter     auditFilter
	Spans      []int
	People     []string // all people with an action in the time
	Kinds      []string
	Vendors    []string
	Actions    []streams.Action // of the page
	Count      int              // of all pages
	More       bool             // older actions are not reached
	Page, Last int
}

// Query returns the filter as a query.
func (f auditFilter) Query() string {
	q := url.Values{"days": {strconv.Itoa(f.Days)}}
	for name, value := range map[string]string{"who": f.Who, "what": f.What, "vendor": f.Vendor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q.Encode()
}

func readAuditFilter(v *visit) auditFilter {
	f := auditFilter{Who: v.FormValue("who"), What: v.FormValue("what"), Vendor: v.FormValue("vendor"), Days: auditDays}
	if days, err := strconv.Atoi(v.FormValue("days")); err == nil && slices.Contains(auditSpans, days) {
		f.Days = days
	}
	if v.FormValue("all") != "" {
		f.Days = 0
	}
	return f
}

func (f auditFilter) fits(a streams.Action) bool {
	return (f.Who == "" || f.Who == a.Who) && (f.What == "" || f.What == a.Kind) && (f.Vendor == "" || f.Vendor == a.Vendor)
}

// audit shows a page of the actions, by default of the last days only: the log keeps a year.
func (c *Console) audit(ctx context.Context, v *visit) (answer, error) {
	p := auditPage{Filter: readAuditFilter(v), Spans: auditSpans, Page: 1}
	var q streams.AuditQuery
	if p.Filter.Days > 0 {
		q.Since = time.Now().Add(-time.Duration(p.Filter.Days) * 24 * time.Hour)
	}
	for a, err := range v.service.Streams.Audit.List(ctx, q) {
		if err != nil {
			return answer{}, err
		}
		p.add(a.Action)
	}
	p.turn(v.FormValue("page"))
	return answer{page: "audit", title: "Audit", data: p}, nil
}

// add adds an action that is newer than all before.
func (p *auditPage) add(a streams.Action) {
	p.People, p.Kinds, p.Vendors = include(p.People, a.Who), include(p.Kinds, a.Kind), include(p.Vendors, a.Vendor)
	if !p.Filter.fits(a) {
		return
	}
	if len(p.Actions) == maxAudited {
		p.Actions, p.More = slices.Delete(p.Actions, 0, 1), true
	}
	p.Actions = append(p.Actions, a)
}

// include adds a name to a sorted list, unless the list has the name.
func include(list []string, name string) []string {
	at, found := slices.BinarySearch(list, name)
	if found || name == "" {
		return list
	}
	return slices.Insert(list, at, name)
}

// turn leaves the actions of one page, the newest first.
func (p *auditPage) turn(page string) {
	slices.Reverse(p.Actions)
	p.Count = len(p.Actions)
	p.Last = max(1, (p.Count+actionsOfPage-1)/actionsOfPage)
	if n, err := strconv.Atoi(page); err == nil {
		p.Page = min(max(n, 1), p.Last)
	}
	from := (p.Page - 1) * actionsOfPage
	p.Actions = p.Actions[from:min(p.Count, from+actionsOfPage)]
}

// actionName returns the kind of an action in words: usher.dead.replayed is "dead replayed".
func actionName(kind string) string {
	return strings.ReplaceAll(strings.TrimPrefix(kind, "usher."), ".", " ")
}

// daysName returns a span of days in words.
func daysName(days int) string {
	switch days {
	case 0:
		return "all that is kept"
	case 1:
		return "the last day"
	default:
		return "the last " + strconv.Itoa(days) + " days"
	}
}
