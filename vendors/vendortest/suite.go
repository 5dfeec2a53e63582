package vendortest

import (
	"fmt"
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

// Suite says how one vendor's adapter is made and in what it differs from the others.
type Suite struct {
	// Name is the vendor's, as in the sandbox.
	Name string
	// StandIn makes a stand-in for a vendor that the sandbox does not play; its
	// base URL is where it is served. nil for those that the sandbox plays.
	StandIn func() http.Handler
	// New makes the adapter from the settings, with the credentials that Secrets
	// lists. The settings hold the base URL, the timeout of a call, and the
	// transport that reaches the stand-in: it is served in memory, on virtual time.
	New func(s vendors.Settings) (vendors.Adapter, error)
	// Secrets are the credentials: none may show in an error.
	Secrets []string
	// Course is a course that the sandbox's stand-in has; empty where the adapter does not enrol.
	Course string
	// Login tells whether r is the vendor's log-in (or another call that comes
	// before all others); such calls are always answered as they should be. nil
	// for vendors with static credentials.
	Login func(r *http.Request) bool
	// Repeatable lists the ports whose write may be repeated at will ("delete"), so
	// that their errors never say Unknown, beside those that always may.
	Repeatable []string
	// FixedEmail says that the vendor cannot change an account's e-mail.
	FixedEmail bool
	// Verdict overrides the suite's expectation for a port that gets the status
	// from every call; ok is false to leave it. A want of nil is success.
	Verdict func(port string, status int) (want *vendors.Class, ok bool)
}

// host is where every stand-in is served; no name server is asked for the name.
const host = "stand-in.test"

// The ports as the suite tries them, named as in Suite.Repeatable and Suite.Verdict.
const (
	Find     = "find"
	Create   = "create"
	Update   = "update"   // may always be repeated
	Restore  = "restore"  // likewise
	Unenroll = "unenroll" // likewise
	Delete   = "delete"
	Enroll   = "enroll"
	Enrolled = "enrolled"
	Track    = "track"
	List     = "list"
	Show     = "show"
)

// The user that the suite speaks of. No error may hold any of it.
var (
	origin = vendors.Origin{Key: "0123456789abcdef0123456789abcdef", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	person = vendors.User{
		ID: "user-1", Email: "augusta+king@example.org", FirstName: "Augusta", LastName: "Lovelace",
		Locale: "en-US", TimeZone: "Europe/Berlin", Phone: "+49 30 5550199",
	}
	stranger = vendors.User{ID: "user-2", Email: "grace.hopper@example.org", FirstName: "Gracie", LastName: "Hopper"}
	personal = []string{"augusta", "lovelace", "king@", "5550199", "gracie", "hopper", "byron", "5550123", "Aa1-"} // the last begins every password
)

// Run tries the adapter against everything that may go wrong with a call.
func Run(t *testing.T, s Suite) {
	groups := map[string]func(*testing.T){
		"status": s.statuses, "retry after": s.retryAfter, "redirect": s.redirects, "slow": s.slow,
		"garbage": s.garbage, "lost answer": s.lostAnswers, "late": s.late, "lists": s.lists,
		"changes": s.changes, "staff": s.staff,
	}
	for name, group := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			group(t)
		})
	}
}

// Try runs a subtest beside others, on the virtual time of testing/synctest. The
// subtest reaches a stand-in of Serve, and no socket.
func Try(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

// later is the origin of the n-th event after that of origin.
func later(n int) vendors.Origin {
	return vendors.Origin{Key: fmt.Sprintf("%032x", n), At: origin.At.Add(time.Duration(n) * time.Minute)}
}

// changed is what person is from an update on.
func (s Suite) changed() vendors.User {
	u := person
	u.FirstName, u.LastName, u.Phone = "Augusta Ada", "Byron", "+49 30 5550123"
	if !s.FixedEmail {
		u.Email = "augusta+byron@example.org"
	}
	return u
}

// repeatable tells whether the port's write may be repeated at will.
func (s Suite) repeatable(port string) bool {
	return slices.Contains(s.Repeatable, port) || slices.Contains([]string{Update, Restore, Unenroll}, port)
}

// bench is one adapter with a server whose answers can be broken.
type bench struct {
	adapter vendors.Adapter
	account vendors.Account // of person, made while all was well, and in the course where there are such
	course  string
	changed vendors.User
	healthy http.Handler
	breakIt atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // answers, or returns false to let the stand-in answer
	hits    atomic.Int64                                                  // calls that breakIt answered
}

// bench sets a stand-in up, with person's account at it, and an adapter whose
// calls may take timeout.
func (s Suite) bench(t *testing.T, timeout time.Duration) *bench {
	t.Helper()
	healthy, baseURL := s.standIn(t)
	return s.benchAt(t, vendors.Settings{BaseURL: baseURL, Timeout: timeout}, healthy)
}

// benchAt is a bench at a stand-in; at lacks the transport only.
func (s Suite) benchAt(t *testing.T, at vendors.Settings, healthy http.Handler) *bench {
	t.Helper()
	b := &bench{course: s.Course, changed: s.changed(), healthy: healthy}
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

// standIn returns a new stand-in and its base URL.
func (s Suite) standIn(t *testing.T) (healthy http.Handler, baseURL string) {
	t.Helper()
	if s.StandIn != nil {
		return s.StandIn(), "http://" + host
	}
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return box.Handler(), box.BaseURLs(host)[s.Name]
}

// account makes person's account while all is well.
func (s Suite) account(t *testing.T, at vendors.Settings) vendors.Account {
	t.Helper()
	adapter, err := s.New(at)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := adapter.(vendors.Provisioner)
	if !ok {
		return vendors.Account{}
	}
	account, err := p.Create(t.Context(), origin, person)
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// enroll puts person into the course while all is well, if the adapter can take
// them out again.
func (s Suite) enroll(t *testing.T, at vendors.Settings, b *bench) {
	t.Helper()
	adapter, err := s.New(at)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := adapter.(vendors.Unenroller); !ok {
		return
	}
	if err := adapter.(vendors.Enroller).Enroll(t.Context(), b.enrollment()); err != nil {
		t.Fatal(err)
	}
}

// broken makes every call from now on go wrong in this way.
func (b *bench) broken(how http.HandlerFunc) {
	f := func(w http.ResponseWriter, r *http.Request) bool {
		b.hits.Add(1)
		how(w, r)
		return true
	}
	b.breakIt.Store(&f)
}

// brokenWrites makes every call but GET go wrong in this way.
func (b *bench) brokenWrites(how http.HandlerFunc) {
	f := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			return false
		}
		b.hits.Add(1)
		how(w, r)
		return true
	}
	b.breakIt.Store(&f)
}
