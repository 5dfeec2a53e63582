package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// feedFilter selects the rows of the feed.
type feedFilter struct {
	Vendor, Kind string
	Type         string    // of the event
	User, Course string    // of the event
	Since, Until time.Time // zero: without
	Still        bool      // the page does not follow the feed
}

// minuteForm is the form of times in fields of a page.
const minuteForm = "2006-01-02T15:04"

func readFeedFilter(r *http.Request) feedFilter {
	f := feedFilter{
		Vendor: r.FormValue("vendor"), Kind: r.FormValue("outcome"), Type: r.FormValue("type"), User: strings.TrimSpace(r.FormValue("user")), Course: strings.TrimSpace(r.FormValue("course")),
		Since: minuteOf(r.FormValue("since")), Until: minuteOf(r.FormValue("until")), Still: r.FormValue("still") != "",
	}
	if !slices.Contains([]string{kindDone, kindFailed, kindSkipped}, f.Kind) {
		f.Kind = ""
	}
	if !slices.Contains(events.Types(), f.Type) {
		f.Type = ""
	}
	return f
}

// minuteOf returns the time in a field; zero for any other text.
func minuteOf(text string) time.Time {
	at, err := time.Parse(minuteForm, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// Query returns the filter as a query of the URLs of the page and of the stream.
func (f feedFilter) Query() string {
	q := url.Values{}
	for name, value := range map[string]string{"vendor": f.Vendor, "outcome": f.Kind, "type": f.Type, "user": f.User, "course": f.Course, "since": f.Minute("since"), "until": f.Minute("until")} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q.Encode()
}

// Minute returns a time of the filter for a field; empty without a time.
func (f feedFilter) Minute(name string) string {
	at := map[string]time.Time{"since": f.Since, "until": f.Until}[name]
	if at.IsZero() {
		return ""
	}
	return at.Format(minuteForm)
}

// Searches reports whether the page reads the stream, and not only the newest rows.
func (f feedFilter) Searches() bool {
	return f.User != "" || f.Course != "" || f.Type != "" || !f.Since.IsZero() || !f.Until.IsZero()
}

// Stands reports whether the page does not follow the feed.
func (f feedFilter) Stands() bool { return f.Still || !f.Until.IsZero() }

func (f feedFilter) fits(r row) bool {
	return (f.Vendor == "" || f.Vendor == r.Vendor) && (f.Kind == "" || f.Kind == r.Kind) &&
		(f.Type == "" || f.Type == r.Type) && (f.User == "" || f.User == r.UserID) && (f.Course == "" || f.Course == r.Course) &&
		!r.At.Before(f.Since) && (f.Until.IsZero() || r.At.Before(f.Until))
}

// feedPage is the data of the feed.
type feedPage struct {
	Filter  feedFilter
	Vendors []string
	Types   []string
	Rows    []row
	Whole   bool // the rows replace all rows of the page
	Failed  int  // of the rows
	Unread  uint64
	Gap     string // of a search: results not read
	now     time.Time
}

// of returns the matching rows.
func (f feedFilter) of(rows []row) (fit []row, failed int) {
	for _, r := range rows {
		if f.fits(r) {
			fit = append(fit, r)
			if r.Kind == kindFailed {
				failed++
			}
		}
	}
	return fit, failed
}

func (c *Console) feed(ctx context.Context, v *visit) (answer, error) {
	p := feedPage{Filter: readFeedFilter(v.Request), Types: events.Types(), now: time.Now()}
	var err error
	if p.Filter.Searches() {
		p.Rows, p.Gap, err = search(ctx, v.service.Streams.Results, p.Filter)
	} else if f, leave := c.hub.join(v.who.Name); f != nil {
		defer leave()
		f.awaitFirst(ctx)
		rows, _ := f.since(0)
		p.Rows, p.Failed = p.Filter.of(rows)
	}
	used := []string{p.Filter.Vendor}
	for _, r := range p.Rows {
		used = append(used, r.Vendor)
	}
	p.Vendors = vendorChoices(v.service, used...)
	return answer{page: "feed", title: "Live feed", data: p}, err
}

// After returns the time of the newest row as Unix milliseconds: the stream goes on from there.
func (p feedPage) After() int64 {
	if !p.Filter.Searches() {
		return 0
	}
	if len(p.Rows) == 0 {
		return p.now.UnixMilli()
	}
	return p.Rows[0].At.UnixMilli()
}

// liveFeed sends the present rows, and then new rows as they arrive. After a search, only rows that
// are newer than those of the page are sent.
func (c *Console) liveFeed(w http.ResponseWriter, v *visit) {
	filter := readFeedFilter(v.Request)
	var last, unread uint64
	ms, _ := strconv.ParseInt(v.FormValue("after"), 10, 64)
	whole := ms == 0
	c.stream(w, v, beat, func(f *follower) ([]message, error) {
		p := feedPage{Filter: filter, Whole: whole}
		rows, missed := f.since(last)
		if len(rows) > 0 {
			last = rows[0].Number
		}
		if ms > 0 {
			rows = slices.DeleteFunc(rows, func(r row) bool { return r.At.UnixMilli() <= ms })
		}
		p.Rows, p.Failed = filter.of(rows)
		if len(p.Rows) == 0 && missed == unread && !whole {
			return nil, nil
		}
		if !whole {
			p.Unread = missed - unread
		}
		whole, unread = false, missed
		html, err := c.pages.render("feed-live", c.view(root+"feed", v.who, answer{data: p}))
		return []message{{data: html}}, err
	})
}
