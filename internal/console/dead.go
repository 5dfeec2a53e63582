package console

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// lettersAPage is the number of dead letters of a page.
const lettersAPage = 100

// groupsAPage is the number of causes of a page.
const groupsAPage = 20

// deadFilter selects dead letters. Empty fields match all.
type deadFilter struct {
	ops.DeadFilter
	Vendor string // the only one of Vendors; empty: all
	Age    string // of the last try, at most: one of the ages
}

// age is a choice of the filter by time.
type age struct {
	Value, Name string
	most        time.Duration
}

// ages are the choices of the filter by time.
var ages = []age{{"1h", "last hour", time.Hour}, {"24h", "last day", 24 * time.Hour}, {"168h", "last week", 168 * time.Hour}}

func readDeadFilter(r *http.Request) deadFilter {
	f := deadFilter{Vendor: r.FormValue("vendor"), Age: r.FormValue("age"), DeadFilter: ops.DeadFilter{
		Type: r.FormValue("type"), Class: r.FormValue("class"), State: r.FormValue("state"),
		User: strings.TrimSpace(r.FormValue("user")), Course: strings.TrimSpace(r.FormValue("course")),
		Cause: r.FormValue("cause"), Text: strings.TrimSpace(r.FormValue("text")),
	}}
	if f.Vendor != "" {
		f.Vendors = []string{f.Vendor}
	}
	if i := slices.IndexFunc(ages, func(a age) bool { return a.Value == f.Age }); i >= 0 {
		f.After = time.Now().Add(-ages[i].most)
	}
	return f
}

// Fields returns the names and the values of the filter in a form.
func (f deadFilter) Fields() (list [][2]string) {
	for _, one := range [][2]string{
		{"vendor", f.Vendor},
		{"type", f.Type},
		{"class", f.Class},
		{"state", f.State},
		{"user", f.User},
		{"course", f.Course},
		{"cause", f.Cause},
		{"text", f.Text},
		{"age", f.Age},
	} {
		if one[1] != "" {
			list = append(list, one)
		}
	}
	return list
}

// Empty reports whether the filter matches all dead letters.
func (f deadFilter) Empty() bool { return len(f.Fields()) == 0 }

// Query returns the filter as a query of a URL.
func (f deadFilter) Query() template.URL {
	q := url.Values{}
	for _, one := range f.Fields() {
		q.Set(one[0], one[1])
	}
	return template.URL(q.Encode()) //nolint:gosec // encoded: a template would escape the separators, too
}

// Of returns the query of the filter for one cause; empty: for all causes.
func (f deadFilter) Of(cause string) template.URL {
	f.Cause = cause
	return f.Query()
}

// letter is a dead letter with its state.
type letter struct{ ops.Letter }

// Path returns the path of the page of the dead letter.
func (l letter) Path() string { return letterPath(l.Vendor, l.Type, l.Key) }

// Ref returns the name of the dead letter in a form.
func (l letter) Ref() string { return l.Vendor + "/" + l.Type + "/" + l.Key }

func letterPath(vendor, kind, key string) string {
	return root + "dead/" + url.PathEscape(vendor) + "/" + url.PathEscape(kind) + "/" + url.PathEscape(key)
}

// tally is the number of dead letters of a class.
type tally struct {
	Name  string
	Count int
}

// deadPage is the data of the list of dead letters.
type deadPage struct {
	Filter  deadFilter
	Vendors []string
	Types   []string
	Classes []string
	States  []string
	Ages    []age
	Groups  []ops.Group // the largest, of all matches
	Letters []letter    // of this page
	Count   int         // of all matches
	Tally   []tally     // of all matches, by class
	Page    int
	Last    int // page
}

// dead lists the matching dead letters in order of the last attempt, oldest first.
func (c *Console) dead(ctx context.Context, v *visit) (answer, error) {
	p := deadPage{
		Filter: readDeadFilter(v.Request), Types: events.Types(), Ages: ages,
		States: []string{ops.DeadWaiting, ops.DeadReplaying, ops.DeadQuarantined},
	}
	list, err := v.service.Letters(ctx, ops.DeadFilter{})
	if err != nil {
		return answer{}, err
	}
	used := []string{p.Filter.Vendor}
	for _, l := range list {
		if !slices.Contains(p.Classes, l.Class) {
			p.Classes = append(p.Classes, l.Class)
		}
		used = append(used, l.Vendor)
	}
	slices.Sort(p.Classes)
	p.Vendors = append(vendorChoices(v.service, used...), streams.EventPlace, ops.Deliveries)
	list = slices.DeleteFunc(list, func(l ops.Letter) bool { return !p.Filter.Matches(l) })
	p.Count, p.Tally = len(list), tallied(list)
	if p.Groups = ops.Groups(list); len(p.Groups) > groupsAPage {
		p.Groups = p.Groups[:groupsAPage]
	}
	p.Last = max(1, (len(list)+lettersAPage-1)/lettersAPage)
	p.Page, _ = strconv.Atoi(v.FormValue("page"))
	p.Page = min(max(p.Page, 1), p.Last)
	for _, l := range list[(p.Page-1)*lettersAPage : min(p.Page*lettersAPage, len(list))] {
		p.Letters = append(p.Letters, letter{l})
	}
	return answer{page: "dead", title: "Dead letters", data: p, notice: dropNotice(v)}, nil
}

func dropNotice(v *visit) string {
	if v.FormValue("dropped") != "" {
		return "The dead letter was dropped. Audit tells who did it, and why."
	}
	return ""
}

// tallied returns the number of dead letters of each class, the most frequent first.
func tallied(list []ops.Letter) []tally {
	counts := map[string]int{}
	for _, l := range list {
		counts[l.Class]++
	}
	var all []tally
	for class, n := range counts {
		all = append(all, tally{class, n})
	}
	slices.SortFunc(all, func(a, b tally) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}
