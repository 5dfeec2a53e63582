package console

import (
	"context"
	"encoding/json"
	"errors"
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
	Rate   string // recent effects a second; empty: not known yet
	Share  string // of recent effects that succeeded
	Median string // time of calls of the vendor
	Sum    count  // of the last minutes
}

// overview is the data of the first page.
type overview struct {
	Status  ops.Status
	Cards   []card
	Trouble string   // why the status is old
	Charts  string   // JSON: vendor → chart
	Names   []string // of all vendors
	Said    []string // changes of states, for screen readers
}

// overview shows the first page, and starts the follower for the stream of the page.
func (c *Console) overview(ctx context.Context, v *visit) (answer, error) {
	f, leave := c.hub.join(v.who.Name)
	if f == nil {
		f, leave = newFollower(c.deps), func() {}
	}
	defer leave()
	f.awaitFirst(ctx)
	f.mu.Lock()
	stale := time.Since(f.statusAt) > statusEvery
	f.mu.Unlock()
	if stale {
		f.refresh(ctx)
	}
	o, err := f.overview(time.Now())
	for _, vendor := range v.service.Vendors {
		o.Names = append(o.Names, vendor.Name)
	}
	return answer{page: "overview", title: "Overview", data: o, notice: pauseNotice(v)}, err
}

// overview returns the data of the first page.
func (f *follower) overview(now time.Time) (overview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := overview{Status: f.status}
	if f.failure != nil {
		o.Trouble = mask(f.failure.Error())
	}
	charts := map[string]chart{}
	for _, one := range f.status.Vendors {
		c, s := card{VendorStatus: one}, f.of(one.Vendor)
		c.Sum = s.over(now, window-step)
		c.Rate = fmt.Sprintf("%.1f", float64(s.over(now, 10).All)/10)
		if c.Sum.All > 0 {
			c.Share = share(c.Sum)
		}
		if ms, ok := s.median(); ok {
			c.Median = fmt.Sprintf("%s ms", number(ms))
		}
		charts[one.Vendor] = s.chart(now)
		o.Cards = append(o.Cards, c)
	}
	text, err := json.Marshal(charts)
	o.Charts = string(text)
	return o, err
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
	c.stream(w, v, overviewEvery, func(f *follower) ([]message, error) {
		o, err := f.overview(time.Now())
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

// longestPause is the longest pause with an end.
const longestPause = 30 * 24 * time.Hour

// pause pauses a vendor, for a time or until resume.
func (c *Console) pause(ctx context.Context, v *visit) (answer, error) {
	var span time.Duration
	if text := v.PostFormValue("for"); text != "" {
		var err error
		if span, err = time.ParseDuration(text); err != nil || span <= 0 || span > longestPause {
			return answer{}, &refusal{http.StatusUnprocessableEntity, "For how long?", "Nothing was done. Give a time such as 30m or 12h, of 30 days at most, or none."}
		}
	}
	name := v.PathValue("vendor")
	_, err := v.service.Pause(ctx, name, span, v.actor())
	return c.halted(name, "paused", err)
}

// resume ends a pause.
func (c *Console) resume(ctx context.Context, v *visit) (answer, error) {
	name := v.PathValue("vendor")
	_, err := v.service.Resume(ctx, name, v.actor())
	return c.halted(name, "resumed", err)
}

func (c *Console) halted(vendor, how string, err error) (answer, error) {
	if errors.Is(err, ops.ErrNoConsumers) {
		return answer{}, &refusal{http.StatusNotFound, "Nothing to pause", err.Error()}
	}
	return answer{to: root + "?" + how + "=" + vendor}, err
}

// actor returns the visitor, with the reason in the form.
func (v *visit) actor() ops.Actor {
	return ops.Actor{Who: v.who.Name, Why: oneLine(v.PostFormValue("reason"))}
}

// pauseNotice returns the notice about a pause or its end, if the URL has one.
func pauseNotice(v *visit) string {
	for _, how := range []string{"paused", "resumed"} {
		name := v.FormValue(how)
		if slices.ContainsFunc(v.service.Vendors, func(one ops.Vendor) bool { return one.Name == name }) {
			return name + " was " + how + "."
		}
	}
	return ""
}

// oneLine returns a text as a single line without control characters, cut to the length of a
// reason.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)), " ")
	return strings.ToValidUTF8(text[:min(len(text), 500)], "")
}
