package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/ops"
)

// overviewEvery is the time between two checks for changes of the overview.
const overviewEvery = 500 * time.Millisecond

// card is the state of one vendor.
type card struct {
	ops.VendorStatus
	Rate   string // recent effects a second
	Share  string // of the effects of the window that succeeded
	Median string // time of calls of the vendor
	Sum    counted
}

// overview is the data of the first page.
type overview struct {
	Status   ops.Status
	Headline []phrase
	Cards    []card
	Window   window
	Windows  []window
	Gap      string   // why counts are missing
	Trouble  string   // why the status is old
	Charts   string   // JSON: vendor → chart
	Names    []string // of all vendors
	Said     []string // changes of states, for screen readers
}

// overview shows the first page, and starts the follower for the stream of the page.
func (c *Console) overview(ctx context.Context, v *visit) (answer, error) {
	f, leave := c.follow(ctx, v)
	defer leave()
	o, err := f.overview(windowNamed(v.FormValue("window")), time.Now())
	for _, vendor := range v.service.Vendors {
		o.Names = append(o.Names, vendor.Name)
	}
	return answer{page: "overview", title: "Overview", data: o, notice: pauseNotice(v)}, err
}

// follow returns the follower, or without room for a viewer one that only reads the status. The
// status of the follower is fresh.
func (c *Console) follow(ctx context.Context, v *visit) (f *follower, leave func()) {
	f, leave = c.hub.join(v.who.Name)
	if f == nil {
		f, leave = newFollower(c.deps, c.hub.counts), func() {}
	}
	f.awaitFirst(ctx)
	f.mu.Lock()
	stale := time.Since(f.statusAt) > statusEvery
	f.mu.Unlock()
	if stale {
		f.refresh(ctx)
	}
	return f, leave
}

// overview returns the data of the first page.
func (f *follower) overview(w window, now time.Time) (overview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := overview{Status: f.status, Window: w, Windows: windows, Gap: f.counts.gap(w, now)}
	if f.failure != nil {
		o.Trouble = mask(f.failure.Error())
	}
	charts := map[string]chart{}
	for _, one := range f.status.Vendors {
		c, chart := f.card(one, w, now)
		charts[one.Vendor] = chart
		o.Cards = append(o.Cards, c)
	}
	slices.SortStableFunc(o.Cards, func(a, b card) int { return cmp.Compare(urgency(a.VendorStatus), urgency(b.VendorStatus)) })
	o.Headline = headline(f.status, f.held, now)
	text, err := json.Marshal(charts)
	o.Charts = string(text)
	return o, err
}

// card returns the card of a vendor, with the chart of the window.
func (f *follower) card(one ops.VendorStatus, w window, now time.Time) (card, chart) {
	c := card{VendorStatus: one, Sum: f.counts.in(one.Vendor, w, now)}
	if c.Sum.Known && c.Sum.All > 0 {
		c.Share = share(c.Sum.count)
	}
	f.counts.mu.Lock()
	defer f.counts.mu.Unlock()
	s := f.counts.of(one.Vendor)
	c.Rate = fmt.Sprintf("%.1f", float64(s.over(now, 10).All)/10)
	if ms, ok := s.quantile(0.5); ok {
		c.Median = fmt.Sprintf("%s ms", number(ms))
	}
	return c, w.chart(s, now)
}

// share returns the percentage of effects that did not fail, rounded down.
func share(c count) string {
	part := 1000 * (c.All - c.Failed) / c.All
	return strings.TrimSuffix(fmt.Sprintf("%d.%d", part/10, part%10), ".0") + " %"
}

// liveOverview sends the cards after each change.
func (c *Console) liveOverview(w http.ResponseWriter, v *visit) {
	var cards, charts string
	states := map[string]string{}
	window := windowNamed(v.FormValue("window"))
	c.stream(w, v, overviewEvery, func(f *follower) ([]message, error) {
		o, err := f.overview(window, time.Now())
		if err != nil {
			return nil, err
		}
		o.Said = changes(states, o.Cards)
		var list []message
		view := c.view(root, v.who, answer{data: o})
		view.Now = view.Now.Truncate(time.Second)
		html, err := c.pages.render("overview-live", view)
		if html != cards && err == nil {
			list, cards = append(list, message{data: html}), html
		}
		if o.Charts != charts {
			list, charts = append(list, message{"charts", o.Charts}), o.Charts
		}
		return list, err
	})
}

// changes returns the changes of states in words, for screen readers, and stores the new states.
func changes(states map[string]string, cards []card) (texts []string) {
	for _, one := range cards {
		was, known := states[one.Vendor]
		states[one.Vendor] = one.State
		if known && was != one.State {
			texts = append(texts, one.Vendor+" is "+one.State)
		}
	}
	return texts
}
