package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// lettersAPage is the number of dead letters of a page.
const lettersAPage = 100

// deadFilter selects dead letters. Empty fields match all.
type deadFilter struct {
	Vendor, Type, Class, State string
	Text                       string // in the message, the id of the event, or the key
}

func readDeadFilter(r *http.Request) deadFilter {
	return deadFilter{
		Vendor: r.FormValue("vendor"), Type: r.FormValue("type"), Class: r.FormValue("class"),
		State: r.FormValue("state"), Text: strings.TrimSpace(r.FormValue("text")),
	}
}

// Empty reports whether the filter matches all dead letters.
func (f deadFilter) Empty() bool { return f == deadFilter{} }

// Query returns the filter as a query of a URL.
func (f deadFilter) Query() string {
	q := url.Values{}
	for name, value := range map[string]string{"vendor": f.Vendor, "type": f.Type, "class": f.Class, "state": f.State, "text": f.Text} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q.Encode()
}

func (f deadFilter) fits(s *ops.Service, l streams.DeadLetter) bool {
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(f.Text)) }
	return (f.Vendor == "" || f.Vendor == l.Vendor) &&
		(f.Type == "" || f.Type == l.Type) &&
		(f.Class == "" || f.Class == l.Class) &&
		(f.State == "" || f.State == s.DeadState(l)) &&
		(f.Text == "" || has(l.Message) || has(l.EventID) || strings.HasPrefix(l.Key, f.Text))
}

// letter is a dead letter with its state.
type letter struct {
	streams.DeadLetter
	State string
}

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
	Letters []letter // of this page
	Count   int      // of all matches
	Tally   []tally  // of all matches, by class
	Page    int
	Last    int // page
}

// dead lists the matching dead letters in order of the last attempt, oldest first.
func (c *Console) dead(ctx context.Context, v *visit) (answer, error) {
	p := deadPage{
		Filter: readDeadFilter(v.Request), Types: events.Types(),
		States: []string{ops.DeadWaiting, ops.DeadReplaying, ops.DeadQuarantined},
	}
	for _, one := range v.service.Vendors {
		p.Vendors = append(p.Vendors, one.Name)
	}
	p.Vendors = append(p.Vendors, streams.EventPlace, ops.Deliveries)
	classes := map[string]bool{}
	list, err := v.service.DeadLetters(ctx, func(l streams.DeadLetter) bool {
		classes[l.Class] = true
		return p.Filter.fits(v.service, l)
	})
	if err != nil {
		return answer{}, err
	}
	for class := range classes {
		p.Classes = append(p.Classes, class)
	}
	slices.Sort(p.Classes)
	p.Count, p.Tally = len(list), tallied(list)
	p.Last = max(1, (len(list)+lettersAPage-1)/lettersAPage)
	p.Page, _ = strconv.Atoi(v.FormValue("page"))
	p.Page = min(max(p.Page, 1), p.Last)
	for _, l := range list[(p.Page-1)*lettersAPage : min(p.Page*lettersAPage, len(list))] {
		p.Letters = append(p.Letters, letter{l, v.service.DeadState(l)})
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
func tallied(list []streams.DeadLetter) []tally {
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
