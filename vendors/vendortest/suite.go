package vendortest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
)

// Suite says how one vendor's adapter is made and in what it differs from the others.
type Suite struct {
	// Name is the vendor's, as in the sandbox.
	Name string
	// StandIn makes a stand-in for a vendor that the sandbox does not play; its
	// base URL is where it is served. nil for those that the sandbox plays.
	StandIn func() http.Handler
	// New makes the adapter against the base URL, with the credentials that
	// Secrets lists. Each call may take timeout.
	New func(baseURL string, timeout time.Duration) (any, error)
	// Secrets are the credentials: none may show in an error.
	Secrets []string
	// Course is a course that the sandbox's stand-in has; empty where the adapter does not enrol.
	Course string
	// Login tells whether r is the vendor's log-in (or another call that comes
	// before all others); such calls are always answered as they should be. nil
	// for vendors with static credentials.
	Login func(r *http.Request) bool
	// Repeatable lists the ports whose write may be repeated at will ("delete"),
	// so that their errors never say Unknown.
	Repeatable []string
	// Verdict overrides the suite's expectation for a port that gets the status
	// from every call; ok is false to leave it. A want of nil is success.
	Verdict func(port string, status int) (want *vendors.Class, ok bool)
}

// The ports as the suite tries them, named as in Suite.Repeatable and Suite.Verdict.
const (
	Find     = "find"
	Create   = "create"
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
	personal = []string{"augusta", "lovelace", "king@", "5550199", "gracie", "hopper", "Aa1-"} // the last begins every password
)

// Run tries the adapter against everything that may go wrong with a call.
func Run(t *testing.T, s Suite) {
	groups := map[string]func(*testing.T){
		"status": s.statuses, "retry after": s.retryAfter, "redirect": s.redirects, "slow": s.slow,
		"garbage": s.garbage, "lost answer": s.lostAnswers, "late": s.late, "lists": s.lists,
	}
	for name, group := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			group(t)
		})
	}
}

// bench is one adapter with a server whose answers can be broken.
type bench struct {
	adapter any
	account vendors.Account // of person, made while all was well
	course  string
	breakIt atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // answers, or returns false to let the stand-in answer
	hits    atomic.Int64                                                  // calls that breakIt answered
}

// bench sets a stand-in up, with person's account at it, and an adapter whose
// calls may take timeout.
func (s Suite) bench(t *testing.T, timeout time.Duration) *bench {
	t.Helper()
	healthy, baseURL := s.standIn(t)
	b := &bench{course: s.Course}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken := b.breakIt.Load(); broken != nil && (s.Login == nil || !s.Login(r)) && (*broken)(w, r) {
			return
		}
		healthy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	url := baseURL(server.Listener.Addr().String())
	b.account = s.account(t, url)
	var err error
	if b.adapter, err = s.New(url, timeout); err != nil {
		t.Fatal(err)
	}
	return b
}

// standIn returns a new stand-in, and how its base URL comes from its host.
func (s Suite) standIn(t *testing.T) (healthy http.Handler, baseURL func(host string) string) {
	t.Helper()
	if s.StandIn != nil {
		return s.StandIn(), func(host string) string { return "http://" + host }
	}
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return box.Handler(), func(host string) string { return box.BaseURLs(host)[s.Name] }
}

// account makes person's account while all is well.
func (s Suite) account(t *testing.T, url string) vendors.Account {
	t.Helper()
	adapter, err := s.New(url, patient)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := adapter.(creator)
	if !ok {
		return vendors.Account{}
	}
	account, err := p.Create(t.Context(), origin, person)
	if err != nil {
		t.Fatal(err)
	}
	return account
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

type (
	finder interface {
		Find(context.Context, vendors.User) (vendors.Account, error)
	}
	creator interface {
		Create(context.Context, vendors.Origin, vendors.User) (vendors.Account, error)
	}
	deleter interface {
		Delete(context.Context, vendors.Origin, vendors.Account) error
	}
	enroller interface {
		Enroll(context.Context, vendors.Enrollment) error
	}
	reader interface {
		Enrolled(context.Context, vendors.Account, vendors.Course) (bool, error)
	}
	tracker interface {
		Track(context.Context, vendors.Activity) error
	}
	lister interface {
		List(context.Context, func(vendors.Listed) error) error
	}
	shower interface {
		Show(context.Context, vendors.Account) (vendors.Listed, error)
	}
)

// ports returns a call of each port that the adapter has.
func (b *bench) ports() map[string]func(context.Context) error {
	ports := map[string]func(context.Context) error{}
	if p, ok := b.adapter.(finder); ok {
		ports[Find] = func(ctx context.Context) error { _, err := p.Find(ctx, person); return err }
	}
	if p, ok := b.adapter.(creator); ok {
		ports[Create] = func(ctx context.Context) error { _, err := p.Create(ctx, origin, stranger); return err }
	}
	if p, ok := b.adapter.(deleter); ok {
		ports[Delete] = func(ctx context.Context) error { return p.Delete(ctx, origin, b.account) }
	}
	if p, ok := b.adapter.(enroller); ok {
		ports[Enroll] = func(ctx context.Context) error { return p.Enroll(ctx, b.enrollment()) }
	}
	if p, ok := b.adapter.(reader); ok {
		ports[Enrolled] = func(ctx context.Context) error {
			_, err := p.Enrolled(ctx, b.account, vendors.Course{ID: b.course, Ours: "ours"})
			return err
		}
	}
	if p, ok := b.adapter.(tracker); ok {
		ports[Track] = func(ctx context.Context) error { return p.Track(ctx, activity()) }
	}
	if p, ok := b.adapter.(lister); ok {
		ports[List] = func(ctx context.Context) error {
			return p.List(ctx, func(vendors.Listed) error { return nil })
		}
	}
	if p, ok := b.adapter.(shower); ok {
		ports[Show] = func(ctx context.Context) error { _, err := p.Show(ctx, b.shown()); return err }
	}
	return ports
}

// shown is person's account as the ledger and the event know it.
func (b *bench) shown() vendors.Account {
	return vendors.Account{ID: b.account.ID, Email: person.Email}
}

func (b *bench) enrollment() vendors.Enrollment {
	return vendors.Enrollment{
		Origin: origin, UserID: person.ID, Account: b.account, Email: person.Email,
		Course: vendors.Course{ID: b.course, Ours: "ours"}, StartsOn: "2026-03-02",
	}
}

func activity() vendors.Activity {
	return vendors.Activity{
		Origin: origin, UserID: person.ID, Name: "lesson_completed", At: origin.At,
		Properties: map[string]any{"teacher": "Augusta Lovelace"},
	}
}
