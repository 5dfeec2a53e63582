// Package sandbox has fakes of the APIs of the vendors with an adapter, of a SCIM server, and of the
// systems with a shipped file (Moodle, Canvas, an LRS, and the made-up Atelier): for the demo, for
// tests, and for trying a configuration without a real account.
//
// Each fake follows the vendor's document. For undocumented behaviour (a second account with
// one e-mail, a second deletion, a second enrolment) a switch selects one of the possible
// responses. Faults hit a configured share of the calls. The state of the fakes shows whether
// any change was made twice.
package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config configures a Sandbox. The zero value has no faults and no latency.
//
// A completely received call is carried out after the latency, even if the caller disconnects.
// LateBy delays creations of accounts further, if the caller disconnects before the response or
// if fault Late hits the call. A waiting caller is answered after the latency alone.
// Credentials are checked when the call is carried out.
type Config struct {
	Seed     uint64           // seed of the random faults and latencies
	Faults   float64          // share of calls with a fault, from 0 to 1
	Latency  time.Duration    // mean delay of each call; exponential distribution, at most ten times the mean
	Late     float64          // share of creations of accounts with fault Late, from 0 to 1, besides Faults
	LateBy   time.Duration    // delay of a creation without a caller, from receipt to effect; at least the latency
	Switches Switches         // undocumented behaviour
	Clock    func() time.Time // default time.Now
	// Instances are further fakes, by name, each of the kind of a vendor and with a state of its
	// own. Default: one of each kind only.
	Instances map[string]string
	// Fakes are further fakes, by name, made by other packages.
	Fakes map[string]Fake
}

// Switches select undocumented behaviour of vendors. "" is the default, the first of the
// values.
type Switches struct {
	// DuplicateEmail is the response to a creation with a taken e-mail: rejection with "422",
	// "409" or "400", "existing" (200 with the existing account), or "second" (another
	// account).
	DuplicateEmail string
	// SecondDelete is the response to deleting a deleted account: "404" or "200".
	SecondDelete string
	// RepeatEnroll is the response to a second enrolment in a course: "ok" (no effect), "error"
	// (422, already enrolled) or "second" (another enrolment).
	RepeatEnroll string
	// RepeatUnenroll is the response to ending a missing enrolment: "ok", "error" (422, not
	// enrolled) or "404".
	RepeatUnenroll string
	// RepeatRestore is the response to restoring an account that is not deleted: "404" or
	// "200".
	RepeatRestore string
	// Classifications is MagLoft's handling of sent classifications: "replace" the present
	// ones, or "add" to the present ones.
	Classifications string
	// EmailPaths is MagLoft's reading of an e-mail in a path: "whole" (verbatim) or "404" (the
	// end is read as a file format, so nobody is found).
	EmailPaths string
	// MiestroErrors is the form of Miestro's errors of changes: by "status", or in the "body"
	// of a 200.
	MiestroErrors string
	// LeadLookup is LEAD's path of look-ups by e-mail: "email-lookup" or "email/lookup".
	LeadLookup string
	// LeadShow is LEAD's response to the undocumented GET /users/{id}: "200" (the user), "404"
	// or "405".
	LeadShow string
	// SCIM has switches of the fake SCIM server, by name: see SCIMSwitches.
	SCIM map[string]string
}

// The credentials of `usher demo` and `usher sandbox`. Any other non-empty credentials are
// accepted too, except WrongCredential.
const (
	MiestroAPIKey      = "sandbox-miestro-key"
	MiestroAPISecret   = "sandbox-miestro-secret"
	MagLoftAccessToken = "sandbox-magloft-token"
	MagLoftAppID       = "1001"
	WrongCredential    = "wrong" // rejected by every vendor
)

// fakeVendor is a fake of one vendor. The methods are safe for concurrent use.
type fakeVendor interface {
	// name returns the name of the vendor, as in the configuration.
	name() string
	// base returns the path of the vendor's base URL, such as /miestro/api/v1.0, with the name
	// first.
	base() string
	// routes returns the vendor's calls: ServeMux patterns below base, such as "GET
	// /users/{id}".
	routes() map[string]http.HandlerFunc
	// state returns a deep copy of the vendor's data, without calls and faults.
	state() VendorState
	// creations returns the routes that create an account, without the collect endpoint of
	// Meiro Pipes, which accepts events of all kinds.
	creations() []string
}

// dispatcher is a fake vendor whose calls share a path.
type dispatcher interface {
	// function returns the function of a call, which the operation ends with.
	function(r *http.Request) string
}

// throttler is a fake vendor with an answer of its own to too many calls.
type throttler interface{ throttled(w http.ResponseWriter) }

// expirer is a fake vendor with log-ins.
type expirer interface {
	// expire invalidates all issued tokens.
	expire()
}

// kinds returns fakes of all kinds: of all vendors, and of those that New makes as an instance only.
func kinds(c Config) []fakeVendor { return append(fakeVendors(c), others(c)...) }

// others returns fakes of the kinds that New makes as an instance only.
func others(c Config) []fakeVendor {
	return []fakeVendor{newSCIM(c), newMoodle(c), newCanvas(c), newXAPI(c), newAtelier(c)}
}

// With returns c with a fake of a kind under its own name, also of a kind that New makes as an
// instance only.
func (c Config) With(kind string) Config {
	if slices.ContainsFunc(others(Config{}), func(v fakeVendor) bool { return v.name() == kind }) {
		all := map[string]string{kind: kind}
		maps.Copy(all, c.Instances)
		c.Instances = all
	}
	return c
}

// fakeVendors returns fakes of all vendors.
func fakeVendors(c Config) []fakeVendor {
	return []fakeVendor{
		newMiestro(c),
		newMeiro(c),
		newLead(c),
		newMagLoft(c),
		newUsermost(c),
	}
}

// Sandbox is a set of fake vendors. A Sandbox is safe for concurrent use.
type Sandbox struct {
	vendors []*vendor
}

// New returns a Sandbox without users. An invalid value of Config or Switches is an error with
// the valid values.
func New(c Config) (*Sandbox, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	s := &Sandbox{}
	for i, v := range fakeVendors(c) {
		s.vendors = append(s.vendors, newVendor(v, c, uint64(i)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Instances)) {
		for _, v := range kinds(c) {
			if v.name() == c.Instances[name] {
				further := newVendor(v, c, uint64(len(s.vendors)))
				further.instance = name
				s.vendors = append(s.vendors, further)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fakes)) {
		s.vendors = append(s.vendors, newVendor(fake{c.Fakes[name], name}, c, uint64(len(s.vendors))))
	}
	return s, nil
}

// checkInstances returns an error for each instance of an unknown kind, and for each name in use,
// also by a further fake.
func (c *Config) checkInstances() error {
	known, inUse := map[string]bool{}, map[string]bool{}
	for _, v := range kinds(*c) {
		known[v.name()] = true
	}
	for _, v := range fakeVendors(*c) {
		inUse[v.name()] = true
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.Instances)) {
		switch {
		case inUse[name] || (known[name] && c.Instances[name] != name) || !instanceName.MatchString(name):
			faults = append(faults, fmt.Errorf("instance: %q is no name: want lower-case letters and digits, and not the name of a vendor", name))
		case !known[c.Instances[name]]:
			faults = append(faults, fmt.Errorf("instance %s: %q is none of %s", name, c.Instances[name], strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fakes)) {
		if _, twice := c.Instances[name]; twice || known[name] || !instanceName.MatchString(name) {
			faults = append(faults, fmt.Errorf("file: %q is no name: want lower-case letters and digits, and not the name of another stand-in", name))
		}
	}
	return errors.Join(faults...)
}

var instanceName = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)

// complete sets defaults and returns an error for every invalid value.
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
	faults = append(faults, checkSCIM(sw.SCIM)...)
	faults = append(faults, c.checkInstances())
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
		faults = append(faults, fmt.Errorf("late-by: %v is not positive", c.LateBy))
	}
	return errors.Join(faults...)
}

// choose sets an empty switch to the first allowed value, and rejects other values.
func choose(name string, value *string, allowed ...string) error {
	*value = cmp.Or(*value, allowed[0])
	if !slices.Contains(allowed, *value) {
		return fmt.Errorf("%s: %q is none of %s", name, *value, strings.Join(allowed, ", "))
	}
	return nil
}

// Handler returns a handler with every vendor below its name (/miestro/api/v1.0/…), the state
// at /state, and a list of the base URLs at /. POST
// /control/{vendor}?mode=refuse|down|ok&for=5s calls Control;
// mode=trouble&user=…&status=…&retry_after=…&delay=… calls SetTrouble.
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
		_, _ = fmt.Fprintln(w, "Stand-ins for the vendors' APIs. Their data: /state. Base URLs:")
		urls := s.BaseURLs(r.Host)
		for _, name := range slices.Sorted(maps.Keys(urls)) {
			_, _ = fmt.Fprintf(w, "%-9s %s\n", name, urls[name])
		}
	})
	return mux
}

// BaseURLs returns the base URL of each vendor, for a Handler served at host.
func (s *Sandbox) BaseURLs(host string) map[string]string {
	urls := map[string]string{}
	for _, v := range s.vendors {
		urls[v.name()] = "http://" + host + v.base()
	}
	return urls
}

// State returns a deep copy of the data and the call counts of all vendors.
func (s *Sandbox) State() State {
	state := State{Vendors: map[string]VendorState{}}
	for _, v := range s.vendors {
		state.Vendors[v.name()] = v.snapshot()
	}
	return state
}

// SetFaults sets the share of calls with a fault, limited to 0 to 1.
func (s *Sandbox) SetFaults(share float64) {
	for _, v := range s.vendors {
		v.setFaults(share)
	}
}

// Next makes the faults hit the vendor's next calls, one each, whatever the share. An unknown
// vendor is an error.
func (s *Sandbox) Next(name string, faults ...Fault) error {
	v, err := s.vendor(name)
	if err != nil {
		return err
	}
	v.force(faults)
	return nil
}
