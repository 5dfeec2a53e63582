package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/vendors/sandbox"
)

// Effect identifies an event at a vendor, by the id of the result.
type Effect struct {
	vendor string
	result string
}

// Effects returns the effects of all events of the scenario, according to the handlers.
func (t *Scenario) Effects(k engine.Catalog, c *config.Config) (map[Effect]bool, error) {
	out := map[Effect]bool{}
	list, on, names := k.With(c), c.On(), k.Names(c)
	byType := map[string]handlers.Handler{}
	for _, h := range k.Handlers(handlers.Courses(c.Courses), names) {
		byType[h.Type] = h
	}
	for _, v := range list {
		if !slices.Contains(on, v.Name) {
			continue
		}
		port, err := v.Adapter()
		if err != nil {
			return nil, err
		}
		for _, e := range t.events {
			h := byType[e.Type()]
			plan, err := h.Plan(handlers.Vendor{Name: v.Name, Adapter: port}, e)
			if err != nil {
				return nil, err
			}
			if h.Supports(port) && !plan.Skip {
				out[Effect{v.Name, events.ResultID(events.Key(e.Source(), e.ID()), v.Name, 0)}] = true
			}
		}
	}
	return out, nil
}

// findings is the result of a comparison of the scenario with the data of the stand-ins.
type findings struct {
	checked int      // facts looked up
	lost    []string // missing, or not deleted
	waiting []string // missing, and an effect of the user there is a dead letter
	double  []string // done twice

	dead map[userAt]bool // users with dead letters
}

// userAt is a user at a vendor.
type userAt struct{ vendor, user string }

// deadOf returns the users with failed effects: a dead letter of each waits for a person.
func (t *Scenario) deadOf(results map[Effect]events.Result) map[userAt]bool {
	dead := map[userAt]bool{}
	for _, e := range t.events {
		for vendor := range vendorsOf(results) {
			id := Effect{vendor, events.ResultID(events.Key(e.Source(), e.ID()), vendor, 0)}
			if results[id].Outcome == events.Failed {
				dead[userAt{vendor, events.UserID(e)}] = true
			}
		}
	}
	return dead
}

// vendorsOf returns the vendors with results.
func vendorsOf(results map[Effect]events.Result) map[string]bool {
	names := map[string]bool{}
	for id := range results {
		names[id.vendor] = true
	}
	return names
}

// inspect compares the data of the stand-ins with the events of the term. Counters of usher are
// not used. dead are the users with dead letters.
func (t *Scenario) inspect(state sandbox.State, dead map[userAt]bool) findings {
	f := findings{dead: dead}
	for name, v := range state.Vendors {
		for _, u := range v.Twins() {
			f.double = append(f.double, fmt.Sprintf("%s: a second account %s", name, u.ID))
		}
		for _, e := range v.EnrolledTwice() {
			f.double = append(f.double, fmt.Sprintf("%s: account %s is in course %s twice", name, e.UserID, e.CourseID))
		}
		for _, e := range v.RecordedTwice() {
			f.double = append(f.double, fmt.Sprintf("%s: %s of %s was recorded twice", name, e.Name, e.UserID))
		}
		for _, p := range t.Pupils {
			f.pupil(name, newVendorData(v), p)
		}
	}
	return f
}

// vendorData is the data of a stand-in, by key.
type vendorData struct {
	accounts map[string]sandbox.User // live ones, by e-mail
	enrolled map[[2]string]bool      // account and course
	events   map[[3]string]bool      // user, name, time
}

func newVendorData(v sandbox.VendorState) vendorData {
	h := vendorData{map[string]sandbox.User{}, map[[2]string]bool{}, map[[3]string]bool{}}
	for _, u := range v.Live() {
		h.accounts[strings.ToLower(u.Email)] = u
	}
	for _, e := range v.Enrollments {
		if e.Active {
			h.enrolled[[2]string{e.UserID, e.CourseID}] = true
		}
	}
	for _, e := range v.Events {
		h.events[[3]string{e.UserID, e.Name, e.At.UTC().Format(time.RFC3339)}] = true
	}
	return h
}

// pupil compares the data of a vendor with the events of a pupil.
func (f *findings) pupil(vendor string, h vendorData, p *Pupil) {
	account, there := h.accounts[strings.ToLower(p.Email)]
	gone := p.Deleted && vendor != "usermost" // cannot delete
	f.fact(userAt{vendor, p.ID}, there == !gone, "%s: %s has an account: %v", vendor, p.ID, there)
	if !p.Deleted && there && account.Name != "" { // readers of MagLoft have no name
		f.fact(userAt{vendor, p.ID}, account.Name == p.First+" "+p.Last, "%s: %s is called %s", vendor, p.ID, account.Name)
	}
	if !p.Deleted && there { // a deletion may overtake an enrolment
		for _, course := range p.Courses {
			if id := scenario.CourseAt(vendor, course); id != "" {
				f.fact(userAt{vendor, p.ID}, h.enrolled[[2]string{account.ID, id}], "%s: %s is not in %s", vendor, p.ID, course)
			}
		}
		for _, course := range p.Cancelled {
			id := cmp.Or(scenario.CourseAt(vendor, course), course)
			f.fact(userAt{vendor, p.ID}, !h.enrolled[[2]string{account.ID, id}], "%s: %s is still in %s", vendor, p.ID, course)
		}
	}
	if scenario.UsesOurIDs(vendor) {
		for _, a := range p.activities {
			f.fact(userAt{vendor, p.ID}, h.events[[3]string{p.ID, a.name, a.at.Format(time.RFC3339)}], "%s: %s of %s is not there", vendor, a.name, p.ID)
		}
	}
}

// fact counts a fact about a user at a vendor. A fact that does not hold is a loss, unless a dead letter
// of the user waits.
func (f *findings) fact(about userAt, holds bool, format string, args ...any) {
	f.checked++
	switch {
	case holds:
	case f.dead[about]:
		f.waiting = append(f.waiting, fmt.Sprintf(format, args...))
	default:
		f.lost = append(f.lost, fmt.Sprintf(format, args...))
	}
}
