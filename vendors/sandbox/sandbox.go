// Package sandbox stands in for the five vendors' APIs: for the demo, for
// tests, and for trying a configuration without touching a real account.
//
// Every stand-in answers as the vendor's document says. Where the document is
// silent (a second account for one e-mail, a second delete, a second
// enrolment), a switch chooses among the answers that are possible. Faults hit
// the share of calls that the configuration asks for, and the state that the
// stand-ins keep shows whether anything was done twice.
package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Config is what a Sandbox is made from. The zero value has no faults and no latency.
//
// A call that has been received whole is carried out after its latency, also if the
// caller goes in the meantime. LateBy lets creations of accounts without a caller
// land later than that: those whose caller goes before the answer, and those that
// fault Late hits. A caller that waits is answered after the latency alone. Credentials
// are checked when the call is carried out.
type Config struct {
	Seed     uint64           // of the random choice of faults and latencies
	Faults   float64          // share of the calls that a fault hits, from 0 to 1
	Latency  time.Duration    // mean of the wait before each call, exponentially spread, cut at ten times the mean
	Late     float64          // share of the creations of accounts that fault Late hits, from 0 to 1, beside Faults
	LateBy   time.Duration    // from the receipt of a creation without a caller until its effect; at least the latency
	Switches Switches         // the answers that no document gives
	Clock    func() time.Time // time.Now where it is nil
}

// Switches choose the answers that no vendor documents. An empty switch is its
// default, which stands first.
type Switches struct {
	// DuplicateEmail is what a create answers for an e-mail that is taken: a
	// refusal with "422", "409" or "400", "existing" (200 with the account that
	// is there), or "second" (another account).
	DuplicateEmail string
	// SecondDelete is what deleting a deleted account answers: "404" or "200".
	SecondDelete string
	// RepeatEnroll is what a second enrolment in one course does: "ok" (nothing),
	// "error" (422, already enrolled) or "second" (another enrolment).
	RepeatEnroll string
	// RepeatUnenroll is what the end of an enrolment that is not there answers:
	// "ok", "error" (422, not enrolled) or "404".
	RepeatUnenroll string
	// RepeatRestore is what restoring an account that is not deleted answers:
	// "404" or "200".
	RepeatRestore string
	// Classifications is what MagLoft does with those that it is sent: "replace"
	// (those that are there) or "add" (to them).
	Classifications string
	// EmailPaths is what MagLoft makes of an e-mail in a path: "whole" (it is taken
	// as it is) or "404" (its end is taken for a format, so that nobody is found).
	EmailPaths string
	// MiestroErrors is how Miestro refuses a change: by the "status", or in the "body"
	// of a 200.
	MiestroErrors string
	// LeadLookup is where LEAD looks users up by e-mail: "email-lookup" or "email/lookup".
	LeadLookup string
	// LeadShow is what LEAD answers to GET /users/{id}, which no document has: "200"
	// (the user), "404" or "405".
	LeadShow string
}

// The credentials that `usher demo` and `usher sandbox` speak of. Any others
// that are not empty are taken too, but for WrongCredential.
const (
	MiestroAPIKey      = "sandbox-miestro-key"
	MiestroAPISecret   = "sandbox-miestro-secret"
	MagLoftAccessToken = "sandbox-magloft-token"
	MagLoftAppID       = "1001"
	WrongCredential    = "wrong" // is refused by every vendor
)

// standIn is one vendor. Its methods are safe for concurrent use.
type standIn interface {
	// name is the vendor's, as in the configuration.
	name() string
	// base is the path of the vendor's base URL, such as /miestro/api/v1.0. It
	// begins with the name.
	base() string
	// routes are the vendor's calls: ServeMux patterns below base, such as
	// "GET /users/{id}".
	routes() map[string]http.HandlerFunc
	// state returns a deep copy of what the vendor holds, without calls and faults.
	state() VendorState
	// creations are the routes that make an account of the vendor. The collect
	// endpoint of Meiro Pipes, which takes events of all kinds, is none.
	creations() []string
}

// expirer is a stand-in whose clients log in.
type expirer interface {
	// expire makes every token given out so far worthless.
	expire()
}

// standIns is the list of all vendors.
func standIns(c Config) []standIn {
	return []standIn{
		newMiestro(c),
		newMeiro(c),
		newLead(c),
		newMagLoft(c),
		newUsermost(c),
	}
}

// Sandbox is a set of stand-ins. It is safe for concurrent use.
type Sandbox struct {
	vendors []*vendor
}

// New returns a Sandbox with no users. A switch with a value that it does not
// know is an error that lists the values it knows.
func New(c Config) (*Sandbox, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	s := &Sandbox{}
	for i, v := range standIns(c) {
		s.vendors = append(s.vendors, newVendor(v, c, uint64(i)))
	}
	return s, nil
}

// complete fills in defaults and reports every value that cannot be.
func (c *Config) complete() error {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	sw := &c.Switches
	faults := []error{
		choose("duplicate-email", &sw.DuplicateEmail, "422", "409", "400", "existing", "second"),
		choose("second-delete", &sw.SecondDelete, "404", "200"),
		choose("repeat-enroll", &sw.RepeatEnroll, "ok", "error", "second"),
		choose("repeat-unenroll", &sw.RepeatUnenroll, "ok", "error", "404"),
		choose("repeat-restore", &sw.RepeatRestore, "404", "200"),
		choose("classifications", &sw.Classifications, "replace", "add"),
		choose("email-paths", &sw.EmailPaths, "whole", "404"),
		choose("miestro-errors", &sw.MiestroErrors, "status", "body"),
		choose("lead-lookup", &sw.LeadLookup, "email-lookup", "email/lookup"),
		choose("lead-show", &sw.LeadShow, "200", "404", "405"),
	}
	if c.Faults < 0 || c.Faults > 1 {
		faults = append(faults, fmt.Errorf("faults: %v is not a share from 0 to 1", c.Faults))
	}
	if c.Late < 0 || c.Late > 1 {
		faults = append(faults, fmt.Errorf("late: %v is not a share from 0 to 1", c.Late))
	}
	if c.Latency < 0 {
		faults = append(faults, fmt.Errorf("latency: %v is negative", c.Latency))
	}
	if c.LateBy < 0 || (c.LateBy == 0 && c.Late > 0) {
		faults = append(faults, fmt.Errorf("late-by: %v is not above 0", c.LateBy))
	}
	return errors.Join(faults...)
}

// choose sets an empty switch to the first of the allowed values.
func choose(name string, value *string, allowed ...string) error {
	*value = cmp.Or(*value, allowed[0])
	if !slices.Contains(allowed, *value) {
		return fmt.Errorf("%s: %q is none of %s", name, *value, strings.Join(allowed, ", "))
	}
	return nil
}

// Handler serves every vendor below its name (/miestro/api/v1.0/…), the state
// at /state, and at / a text that lists the base URLs. Control is at
// POST /control/{vendor}?mode=refuse|down|ok&for=5s, and SetTrouble there too, with
// mode=trouble&user=…&status=…&retry_after=…&delay=….
func (s *Sandbox) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, v := range s.vendors {
		mux.Handle("/"+v.name()+"/", v)
	}
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, s.State())
	})
	mux.HandleFunc("POST /control/{vendor}", s.control)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, "Stand-ins for the vendors' APIs. What they hold: /state. Base URLs:")
		urls := s.BaseURLs(r.Host)
		for _, name := range slices.Sorted(maps.Keys(urls)) {
			_, _ = fmt.Fprintf(w, "%-9s %s\n", name, urls[name])
		}
	})
	return mux
}

// BaseURLs returns each vendor's base URL, as its client wants it, for a
// Handler that is served at host.
func (s *Sandbox) BaseURLs(host string) map[string]string {
	urls := map[string]string{}
	for _, v := range s.vendors {
		urls[v.name()] = "http://" + host + v.base()
	}
	return urls
}

// State returns a deep copy of what the vendors hold and what they were asked.
func (s *Sandbox) State() State {
	state := State{Vendors: map[string]VendorState{}}
	for _, v := range s.vendors {
		state.Vendors[v.name()] = v.full()
	}
	return state
}

// SetFaults changes the share of calls that a fault hits; values beyond 0 and 1 count as these.
func (s *Sandbox) SetFaults(share float64) {
	for _, v := range s.vendors {
		v.setFaults(share)
	}
}

// Next makes the faults befall the vendor's next calls, one each, whatever the
// share is. It returns an error for a vendor that the sandbox does not have.
func (s *Sandbox) Next(name string, faults ...Fault) error {
	v, err := s.vendor(name)
	if err != nil {
		return err
	}
	v.force(faults)
	return nil
}
