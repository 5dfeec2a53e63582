package vendortest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// Suite describes the adapter of one vendor.
type Suite struct {
	// Name is the name of the vendor, as in the sandbox.
	Name string
	// FakeVendor returns a fake of a vendor that the sandbox lacks; the base URL is the root of
	// the handler. nil for vendors of the sandbox.
	FakeVendor func() http.Handler
	// New returns an adapter for the settings, with the credentials in Secrets. The settings
	// have the base URL, the timeout of a call, and the transport to the fake vendor: in
	// memory, on virtual time.
	New func(s vendors.Settings) (vendors.Adapter, error)
	// Secrets are the credentials, which no error may show.
	Secrets []string
	// Course is a course of the fake vendor, or "" for an adapter without enrolments.
	Course string
	// Login reports whether r is a log-in, or another call before all others; such calls are
	// never disturbed. nil for vendors with static credentials.
	Login func(r *http.Request) bool
	// EmptyMeansNobody means that the calls in Login prove that the vendor shows users. An empty
	// response to another look-up then means that there is no account.
	EmptyMeansNobody bool
	// Repeatable lists the ports with a repeatable write ("delete"), in addition to the ports
	// that are always repeatable. Errors of repeatable writes are never Unknown.
	Repeatable []string
	// Reads reports whether r reads only. Default: a GET does. For vendors that read by POST.
	Reads func(r *http.Request) bool
	// Unpaged means that the list of accounts has no pages.
	Unpaged bool
	// FixedEmail means that the vendor cannot change the e-mail of an account.
	FixedEmail bool
	// Groups are the groups of tests to run, by name; nil: all.
	Groups []string
	// OwnRules means that the vendor's own rules give statuses a meaning: the classes of statuses
	// are not compared.
	OwnRules bool
	// ShowsOne means that the vendor's look-up by e-mail shows one account at most, so that several
	// accounts with one e-mail cannot be seen.
	ShowsOne bool
	// Verdict overrides the expected class of a port if every call gets the status. ok is false
	// for the default expectation. A nil want is success.
	Verdict func(port string, status int) (want *vendors.Class, ok bool)
}

// host is the host name of every fake vendor, never resolved.
const host = "stand-in.test"

// The ports, as named in Suite.Repeatable and Suite.Verdict.
const (
	Find     = "find"
	Create   = "create"
	Update   = "update"   // always repeatable
	Restore  = "restore"  // always repeatable
	Unenroll = "unenroll" // always repeatable
	Disable  = "disable"  // always repeatable
	Enable   = "enable"   // always repeatable
	Delete   = "delete"
	Enroll   = "enroll"
	Enrolled = "enrolled"
	Track    = "track"
	List     = "list"
	Show     = "show"
	Courses  = "courses"
)

// The users of the suite. No error may contain any of these texts.
var (
	origin = vendors.Origin{Key: "0123456789abcdef0123456789abcdef", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	person = vendors.User{
		ID: "user-1", Email: "augusta+king@example.org", FirstName: "Augusta", LastName: "Lovelace",
		Locale: "en-US", TimeZone: "Europe/Berlin", Phone: "+49 30 5550199",
	}
	stranger = vendors.User{ID: "user-2", Email: "grace.hopper@example.org", FirstName: "Gracie", LastName: "Hopper"}
	personal = []string{"augusta", "lovelace", "king@", "5550199", "gracie", "hopper", "byron", "5550123", "Aa1-"} // "Aa1-" begins every password
)

// Run runs the suite: every way in which a call can fail. The test may not be parallel, because
// the suite watches the memory of the process.
func Run(t *testing.T, s Suite) {
	if s.runs("hostile") {
		t.Run("hostile", s.hostile)
	}
	for name, group := range s.groups() {
		if !s.runs(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			group(t)
		})
	}
}

// groups returns the groups of tests that run side by side.
func (s Suite) groups() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"status": s.statuses, "retry after": s.retryAfter, "redirect": s.redirects, "slow": s.slow,
		"garbage": s.garbage, "lost answer": s.lostAnswers, "late": s.late, "lists": s.lists,
		"changes": s.changes, "staff": s.staff, "variants": s.variants, "nobody": s.nobody,
		"matching": s.matching, "rounds": s.rounds,
	}
}

// Groups returns the names of all groups of tests, sorted.
func Groups() []string {
	names := append(slices.Collect(maps.Keys(Suite{}.groups())), "hostile")
	slices.Sort(names)
	return names
}

// runs reports whether a group of tests is to run.
func (s Suite) runs(group string) bool { return s.Groups == nil || slices.Contains(s.Groups, group) }

// Try runs a parallel subtest on the virtual time of testing/synctest. The subtest can reach a
// server of Serve, and no socket.
func Try(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

// later returns the origin of the n-th event after origin.
func later(n int) vendors.Origin {
	return vendors.Origin{Key: fmt.Sprintf("%032x", n), At: origin.At.Add(time.Duration(n) * time.Minute)}
}

// changed returns person after an update.
func (s Suite) changed() vendors.User {
	u := person
	u.FirstName = "Augusta Ada"
	u.LastName = "Byron"
	u.Phone = "+49 30 5550123"
	if !s.FixedEmail {
		u.Email = "augusta+byron@example.org"
	}
	return u
}

// repeatable reports whether the port's write may be repeated.
func (s Suite) repeatable(port string) bool {
	return slices.Contains(s.Repeatable, port) || slices.Contains([]string{Update, Restore, Unenroll, Disable, Enable}, port)
}

// reads reports whether a call reads only.
func (s Suite) reads(r *http.Request) bool {
	if s.Reads != nil {
		return s.Reads(r)
	}
	return r.Method == http.MethodGet
}

// bench is one adapter and a server with responses that a test can break.
type bench struct {
	adapter vendors.Adapter
	account vendors.Account // account of person, enrolled in the course if possible
	course  string
	changed vendors.User
	healthy http.Handler
	reads   func(r *http.Request) bool
	breakIt atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // answers, or returns false to pass the call on
	hits    atomic.Int64                                                  // calls answered by breakIt
}

// bench returns a bench with an account of person. timeout is the timeout of the adapter's
// calls.
func (s Suite) bench(t *testing.T, timeout time.Duration) *bench {
	t.Helper()
	healthy, baseURL := s.fakeVendor(t)
	return s.benchAt(t, vendors.Settings{BaseURL: baseURL, Timeout: timeout}, healthy)
}

// benchAt returns a bench at a fake vendor; the settings lack only the transport.
func (s Suite) benchAt(t *testing.T, at vendors.Settings, healthy http.Handler) *bench {
	t.Helper()
	b := &bench{course: s.Course, changed: s.changed(), healthy: healthy, reads: s.reads}
	at.HTTP = memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken := b.breakIt.Load(); broken != nil && (s.Login == nil || !s.Login(r)) && (*broken)(w, r) {
			return
		}
		healthy.ServeHTTP(w, r)
	}))
	b.account = s.account(t, at)
	s.enroll(t, at, b)
	var err error
	if b.adapter, err = s.New(at); err != nil {
		t.Fatal(err)
	}
	return b
}

// fakeVendor returns a new fake vendor and the base URL.
func (s Suite) fakeVendor(t *testing.T) (healthy http.Handler, baseURL string) {
	t.Helper()
	if s.FakeVendor != nil {
		return s.FakeVendor(), "http://" + host
	}
	box, err := sandbox.New(sandbox.Config{}.With(s.Name))
	if err != nil {
		t.Fatal(err)
	}
	return box.Handler(), box.BaseURLs(host)[s.Name]
}

// account creates the account of person, without faults.
func (s Suite) account(t *testing.T, at vendors.Settings) vendors.Account {
	t.Helper()
	adapter, err := s.New(at)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := vendors.Port[vendors.Provisioner](adapter)
	if !ok {
		return vendors.Account{}
	}
	account, err := p.Create(t.Context(), origin, person)
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// enroll enrols person in the course, without faults, if the adapter can unenrol.
func (s Suite) enroll(t *testing.T, at vendors.Settings, b *bench) {
	t.Helper()
	adapter, err := s.New(at)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := vendors.Port[vendors.Unenroller](adapter); !ok {
		return
	}
	if err := portOf[vendors.Enroller](adapter).Enroll(t.Context(), b.enrollment()); err != nil {
		t.Fatal(err)
	}
}

// broken breaks every further call.
func (b *bench) broken(how http.HandlerFunc) {
	f := func(w http.ResponseWriter, r *http.Request) bool {
		b.hits.Add(1)
		how(w, r)
		return true
	}
	b.breakIt.Store(&f)
}

// brokenWrites breaks every further call that changes something.
func (b *bench) brokenWrites(how http.HandlerFunc) {
	f := func(w http.ResponseWriter, r *http.Request) bool {
		if b.reads(r) {
			return false
		}
		b.hits.Add(1)
		how(w, r)
		return true
	}
	b.breakIt.Store(&f)
}
