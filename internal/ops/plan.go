package ops

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
)

// The words of a plan.
const (
	PlanEnters  = "enters"  // the user is in scope of the new configuration only
	PlanLeaves  = "leaves"  // the user is in scope of the old configuration only
	PlanChanges = "changes" // the data of the account differs
	PlanFails   = "fails"   // a rule of the new configuration cannot be evaluated for the user
)

// PlanRow is the difference for one user at one vendor.
type PlanRow struct {
	UserID  string   `json:"user_id"`
	Vendor  string   `json:"vendor"`
	Change  string   `json:"change"`
	Fields  []string `json:"fields,omitempty"` // for PlanChanges: the names of the fields
	Message string   `json:"message,omitempty"`
}

// PlanCount is the number of users with one change at one vendor.
type PlanCount struct {
	Vendor string `json:"vendor"`
	Change string `json:"change"`
	Field  string `json:"field,omitempty"` // for PlanChanges: the users whose field differs; empty: all
	Users  int    `json:"users"`
}

// Plan is the difference of two configurations.
type Plan struct {
	Users    int           `json:"users"`
	Without  int           `json:"without_profile,omitempty"` // as in Simulation
	Leaving  int           `json:"leaving"`                   // users that leave a scope, or a vendor that is not in the new configuration
	Settings []PlanSetting `json:"settings"`                  // changed settings
	Counts   []PlanCount   `json:"counts"`
}

// PlanSetting is a setting with another value.
type PlanSetting struct {
	Key string `json:"key"`
	Old string `json:"old"`
	New string `json:"new"`
}

// PlanOptions are the options of Plan.
type PlanOptions struct {
	From     io.Reader           // as in SimulateOptions
	Row      func(PlanRow) error // called for each difference, in order; may be nil
	Progress func(users string, n int)
}

// Plan compares the rules of an old configuration with those of s, for all users. No record is read,
// and no vendor is called.
func (s *Service) Plan(ctx context.Context, old *Service, o PlanOptions) (Plan, error) {
	vendorsOf, err := planned(old, s)
	if err != nil {
		return Plan{}, err
	}
	source, err := s.simulatedUsers(ctx, o.From)
	if err != nil {
		return Plan{}, err
	}
	out := Plan{Settings: changedSettings(old, s), Counts: []PlanCount{}}
	counts := map[PlanCount]int{}
	err = inBatches(source, runtime.GOMAXPROCS(0), func(_ int, u simulatedUser) ([]PlanRow, error) {
		return planFor(vendorsOf, u)
	}, func(rows [][]PlanRow) error {
		out.Users += len(rows)
		if o.Progress != nil {
			o.Progress("users", out.Users)
		}
		return count(rows, counts, o.Row)
	})
	if err == nil && out.Users == 0 && o.From == nil {
		err = ErrNoProfiles
	}
	if err == nil && o.From == nil {
		out.Without, err = s.withoutProfile(ctx, out.Users)
	}
	for c, n := range counts {
		c.Users = n
		out.Counts = append(out.Counts, c)
		if c.Change == PlanLeaves {
			out.Leaving += n
		}
	}
	slices.SortFunc(out.Counts, func(a, b PlanCount) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Change, b.Change), cmp.Compare(a.Field, b.Field))
	})
	return out, err
}

// count counts the rows of a batch.
func count(batch [][]PlanRow, counts map[PlanCount]int, row func(PlanRow) error) error {
	for _, rows := range batch {
		for _, r := range rows {
			counts[PlanCount{Vendor: r.Vendor, Change: r.Change}]++
			for _, field := range r.Fields {
				counts[PlanCount{Vendor: r.Vendor, Change: r.Change, Field: field}]++
			}
			if row == nil {
				continue
			}
			if err := row(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// plannedVendor is a vendor under two configurations; nil: off.
type plannedVendor struct {
	name     string
	old, new *handlers.Vendor
}

// planned returns the vendors that are on in one of the configurations.
func planned(old, next *Service) ([]plannedVendor, error) {
	var list []plannedVendor
	add := func(s *Service, set func(p *plannedVendor, v *handlers.Vendor)) error {
		off := s.Config.Off()
		for _, v := range s.Vendors {
			if off[v.Name] != "" {
				continue
			}
			rules, err := v.compiled()
			if err != nil {
				return err
			}
			i := slices.IndexFunc(list, func(p plannedVendor) bool { return p.name == v.Name })
			if i < 0 {
				i, list = len(list), append(list, plannedVendor{name: v.Name})
			}
			set(&list[i], &handlers.Vendor{Name: v.Name, Rules: rules})
		}
		return nil
	}
	err := errors.Join(
		add(old, func(p *plannedVendor, v *handlers.Vendor) { p.old = v }),
		add(next, func(p *plannedVendor, v *handlers.Vendor) { p.new = v }),
	)
	if err == nil && len(list) == 0 {
		err = errNoneOn
	}
	return list, err
}

// planFor returns the differences for a user.
func planFor(list []plannedVendor, u simulatedUser) ([]PlanRow, error) {
	if u.deleted || u.invalid != "" {
		return nil, nil
	}
	p := handlers.Profile{Data: u.known.Data, Known: true, Decoded: u.known.Decoded}
	var rows []PlanRow
	for _, v := range list {
		row := PlanRow{UserID: u.id, Vendor: v.name}
		before, was, err := accountOf(v.old, p, u.updated)
		if err != nil {
			was = false // no account came of a rule that cannot be evaluated
		}
		after, is, err := accountOf(v.new, p, u.updated)
		switch {
		case err != nil:
			row.Change, row.Message = PlanFails, err.Error()
		case was && !is:
			row.Change = PlanLeaves
		case !was && is:
			row.Change = PlanEnters
		case was && is:
			if row.Fields = differing(before, after); len(row.Fields) > 0 {
				row.Change = PlanChanges
			}
		}
		if row.Change != "" {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// accountOf returns the data of an account; in is false at a vendor that is off.
func accountOf(v *handlers.Vendor, p handlers.Profile, e events.Event) (u vendors.User, in bool, err error) {
	if v == nil {
		return u, false, nil
	}
	return v.Account(p, e)
}

// differing returns the names of the fields that differ.
func differing(a, b vendors.User) (names []string) {
	for _, f := range []struct{ name, a, b string }{
		{"email", a.Email, b.Email},
		{"first_name", a.FirstName, b.FirstName},
		{"last_name", a.LastName, b.LastName},
		{"locale", a.Locale, b.Locale},
		{"time_zone", a.TimeZone, b.TimeZone},
		{"phone", a.Phone, b.Phone},
	} {
		if f.a != f.b {
			names = append(names, f.name)
		}
	}
	before, after := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	_ = json.Unmarshal(a.Attributes, &before) // nil without attributes
	_ = json.Unmarshal(b.Attributes, &after)
	var attributes []string
	for name, value := range before {
		if !bytes.Equal(value, after[name]) {
			attributes = append(attributes, "attributes."+name)
		}
	}
	for name := range after {
		if _, known := before[name]; !known {
			attributes = append(attributes, "attributes."+name)
		}
	}
	slices.Sort(attributes)
	return append(names, attributes...)
}

// changedSettings returns the settings of vendors and courses with another value. Secrets are shown
// as redacted, so a changed secret is not shown.
func changedSettings(old, next *Service) []PlanSetting {
	list := []PlanSetting{}
	values := map[settingKey]string{}
	for _, s := range old.Config.Show() {
		values[settingOf(s)] = s.Text()
	}
	for _, s := range next.Config.Show() {
		if before := values[settingOf(s)]; before != s.Text() && isRule(s.Key) {
			list = append(list, PlanSetting{s.Key, before, s.Text()})
		}
		delete(values, settingOf(s))
	}
	for of, before := range values {
		if before != "" && isRule(of.key) {
			list = append(list, PlanSetting{of.key, before, ""})
		}
	}
	slices.SortFunc(list, func(a, b PlanSetting) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// settingKey tells the mode of a kind from the rule mode of the team: only the former has a variable.
type settingKey struct {
	key      string
	variable bool
}

func settingOf(s config.Shown) settingKey { return settingKey{s.Key, s.Variable != ""} }

func isRule(key string) bool {
	return strings.HasPrefix(key, "vendors.") || strings.HasPrefix(key, "courses")
}
