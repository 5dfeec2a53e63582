package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/usherhq/usher/internal/ops"
)

// feedFilter selects the rows of the feed.
type feedFilter struct {
	Vendor, Kind string
	Still        bool // the page does not follow the feed
}

func readFeedFilter(r *http.Request) feedFilter {
	f := feedFilter{Vendor: r.FormValue("vendor"), Kind: r.FormValue("outcome"), Still: r.FormValue("still") != ""}
	if !slices.Contains([]string{kindDone, kindFailed, kindSkipped}, f.Kind) {
		f.Kind = ""
	}
	return f
}

// Query returns the filter as a query of the URLs of the page and of the stream.
func (f feedFilter) Query() string {
	q := url.Values{}
	if f.Vendor != "" {
		q.Set("vendor", f.Vendor)
	}
	if f.Kind != "" {
		q.Set("outcome", f.Kind)
	}
	return q.Encode()
}

func (f feedFilter) fits(r row) bool {
	return (f.Vendor == "" || f.Vendor == r.Vendor) && (f.Kind == "" || f.Kind == r.Kind)
}

// feedPage is the data of the feed.
type feedPage struct {
	Filter  feedFilter
	Vendors []ops.Vendor
	Rows    []row
	Whole   bool // the rows replace all rows of the page
	Failed  int  // of the rows
	Unread  uint64
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
	p := feedPage{Filter: readFeedFilter(v.Request), Vendors: v.service.Vendors}
	if f, leave := c.hub.join(v.who.Name); f != nil {
		defer leave()
		f.awaitFirst(ctx)
		rows, _ := f.since(0)
		p.Rows, p.Failed = p.Filter.of(rows)
	}
	return answer{page: "feed", title: "Live feed", data: p}, nil
}

// liveFeed sends the present rows, and then new rows as they arrive.
func (c *Console) liveFeed(w http.ResponseWriter, v *visit) {
	filter := readFeedFilter(v.Request)
	var last, unread uint64
	whole := true
	c.stream(w, v, beat, func(f *follower) ([]message, error) {
		p := feedPage{Filter: filter, Whole: whole}
		rows, missed := f.since(last)
		if len(rows) > 0 {
			last = rows[0].Number
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
