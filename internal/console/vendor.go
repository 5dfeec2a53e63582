package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/ops"
)

// vendorPage is the data of the page of a vendor.
type vendorPage struct {
	Card     card
	Served   bool // a process has served the vendor
	Window   window
	Windows  []window
	Gap      string // why counts are missing
	Charts   string // JSON, as of the overview
	P50, P95 string // of the answer times
	Calls    int    // number of the answer times
	Backlog  ops.Backlog
	Reasons  []reason
	Settings []ops.Setting
	Rules    []ops.Setting
	On       bool
	HowToOn  string // if the vendor is off
}

// reason is a number of unfinished effects with one reason.
type reason struct {
	Name  string
	Count int
}

// vendor shows the page of a vendor.
func (c *Console) vendor(ctx context.Context, v *visit) (answer, error) {
	name := v.PathValue("vendor")
	if !isVendor(v.service, name) {
		return answer{}, &refusal{http.StatusNotFound, "No such vendor", "The configuration has no vendor of this name. The overview lists all."}
	}
	f, leave := c.follow(ctx, v)
	defer leave()
	f.refresh(ctx) // perhaps an action has just changed the state
	p, err := f.vendorPage(name, windowNamed(v.FormValue("window")), time.Now())
	if err != nil {
		return answer{}, err
	}
	if p.Served {
		if p.Backlog, err = v.service.Backlog(ctx, name); err != nil {
			return answer{}, err
		}
	}
	p.Reasons = reasonsOf(p.Backlog)
	p.settings(v.service, name)
	return answer{page: "vendor", title: name, data: p, notice: vendorNotice(v, name)}, nil
}

// isVendor reports whether the configuration has a vendor.
func isVendor(s *ops.Service, name string) bool {
	return slices.ContainsFunc(s.Vendors, func(one ops.Vendor) bool { return one.Name == name })
}

// vendorChoices returns the vendors to choose from, in the order of the configuration: those that are on,
// and those in use.
func vendorChoices(s *ops.Service, used ...string) (names []string) {
	off := s.Config.Off()
	for _, one := range s.Vendors {
		if _, isOff := off[one.Name]; !isOff || slices.Contains(used, one.Name) {
			names = append(names, one.Name)
		}
	}
	return names
}

// vendorPage returns the state and the counts of a vendor.
func (f *follower) vendorPage(name string, w window, now time.Time) (p vendorPage, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failure != nil {
		return p, f.failure
	}
	status := ops.VendorStatus{Vendor: name, State: ops.Idle}
	for _, one := range f.status.Vendors {
		if one.Vendor == name {
			status, p.Served = one, true
		}
	}
	var drawn chart
	p.Card, drawn = f.card(status, w, now)
	p.Window, p.Windows, p.Gap = w, windows, f.counts.gap(w, now)
	text, err := json.Marshal(map[string]chart{name: drawn})
	p.Charts = string(text)
	f.counts.mu.Lock()
	defer f.counts.mu.Unlock()
	s := f.counts.of(name)
	p.Calls = len(s.took)
	if ms, ok := s.quantile(0.5); ok {
		p.P50 = number(ms) + " ms"
	}
	if ms, ok := s.quantile(0.95); ok {
		p.P95 = number(ms) + " ms"
	}
	return p, err
}

// reasonsOf returns the reasons of a backlog, the most frequent first.
func reasonsOf(b ops.Backlog) (list []reason) {
	for name, n := range b.Reasons {
		list = append(list, reason{name, n})
	}
	slices.SortFunc(list, func(a, b reason) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// ruleNames are the rules of a team in the section of a vendor.
var ruleNames = []string{"kind", "mode", "may", "start", "scope", "map", "on_delete", "on_unknown", "on_leave", "delete_after", "adopt", "match", "deletions"}

// settings adds the settings and the rules of a vendor.
func (p *vendorPage) settings(service *ops.Service, name string) {
	section := "vendors." + name + "."
	for _, one := range service.Config.Show() {
		key, ok := strings.CutPrefix(one.Key, section)
		if !ok {
			continue
		}
		one.Key = key
		first, _, _ := strings.Cut(key, ".")
		if slices.Contains(ruleNames, first) {
			p.Rules = append(p.Rules, one)
		} else {
			p.Settings = append(p.Settings, one)
		}
	}
	for _, one := range usualRules {
		if !slices.ContainsFunc(p.Rules, func(set ops.Setting) bool { return set.Key == one.Key }) {
			p.Rules = append(p.Rules, one)
		}
	}
	p.HowToOn = service.Config.Off()[name]
	p.On = p.HowToOn == ""
}

// usualRules are the rules in force without a setting, in words.
var usualRules = []ops.Setting{
	{Key: "mode", Value: "live", From: "default"},
	{Key: "may", Value: "all changes", From: "default"},
	{Key: "scope", Value: "all users", From: "default"},
	{Key: "map", Value: "the data of the events", From: "default"},
	{Key: "on_leave", Value: "keep", From: "default"},
}

// checkNow asks for a check of a vendor on hold.
func (c *Console) checkNow(ctx context.Context, v *visit) (answer, error) {
	name := v.PathValue("vendor")
	err := v.service.CheckNow(ctx, name, v.actor())
	if errors.Is(err, ops.ErrNotOnHold) {
		return answer{}, &refusal{http.StatusConflict, "Nothing to try", "Nothing was done: " + err.Error() + "."}
	}
	c.deps.Log.Info().Str("who", v.who.Name).Str("action", "check").Str("vendor", name).AnErr("refused", err).Msg("console")
	return answer{to: vendorPath(name) + "?checked=1"}, err
}

// vendorNotice returns the notice about the action before, if the URL has one.
func vendorNotice(v *visit, name string) string {
	switch {
	case v.FormValue("checked") != "":
		return name + " is tried now. If the check is good, calls go on at once."
	case v.FormValue("paused") != "":
		return name + " was paused."
	case v.FormValue("resumed") != "":
		return name + " was resumed."
	default:
		return ""
	}
}
