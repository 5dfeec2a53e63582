package sandbox

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong with a call.
type Fault struct {
	Kind Kind
	On   string // the call that it waits for, as in VendorState.Calls ("POST /users"); empty for any
}

// Kind is a kind of fault.
type Kind string

// The kinds of fault. "Before" means that the vendor did nothing; "after" means
// that it did all that was asked, and that the answer is lost. A call that has
// been received whole is carried out after its latency, also if the caller goes
// in the meantime, unless its fault says that the vendor does nothing.
const (
	TooMany      Kind = "429"              // with Retry-After: 1; nothing was done
	FailBefore   Kind = "5xx before"       // 503
	FailAfter    Kind = "5xx after"        // 500
	DropBefore   Kind = "drop before"      // the connection is closed
	DropAfter    Kind = "drop after"       // the connection is closed
	Late         Kind = "late"             // the connection is closed, and the call is carried out Config.LateBy later
	Refused      Kind = "refused"          // 401 to every call, the log-in too; nothing was done. By Control only
	Down         Kind = "down"             // the connection is closed, nothing was done. By Control only
	Troubled     Kind = "trouble"          // the answer of a Trouble; nothing was done. By SetTrouble only
	ExpiredToken Kind = "expired token"    // of vendors with a log-in: all tokens end, then the call is answered
	None         Kind = "none"             // the call is answered as it should be: for scripts that count calls
	maxLatency        = 10                 // times the mean
	pcgStream         = 0x9e3779b97f4a7c15 // keeps one vendor's random numbers apart from another's
)

// vendor is a stand-in with faults before it and counters beside it.
type vendor struct {
	standIn
	mux     *http.ServeMux
	latency time.Duration
	late    float64
	lateBy  time.Duration
	landing sync.Mutex // one call without a caller is carried out at a time

	mu     sync.Mutex
	flying []inFlight // by due, the earliest first
	random *rand.Rand
	share  float64
	forced []Fault
	outage outage
	calls  map[string]int
	faults map[Kind]int

	trouble spell
}

func newVendor(s standIn, c Config, number uint64) *vendor {
	v := &vendor{
		standIn: s,
		mux:     http.NewServeMux(),
		latency: c.Latency,
		late:    c.Late,
		lateBy:  c.LateBy,
		random:  rand.New(rand.NewPCG(c.Seed, pcgStream+number)),
		share:   c.Faults,
		calls:   map[string]int{},
		faults:  map[Kind]int{},
	}
	for pattern, handle := range s.routes() {
		v.mux.HandleFunc(pattern, handle)
	}
	return v
}

// ServeHTTP answers a call, or lets a fault befall it. If the caller goes while the
// call waits, the call stays in flight.
func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op := v.operation(r)
	if op == "" {
		answer(w, http.StatusNotFound, map[string]string{"message": "the sandbox has no such call"})
		return
	}
	call, err := receiveWhole(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	begun := time.Now()
	trouble := v.troubleOf(call)
	kind, wait := v.draw(op, trouble)
	wait += trouble.Delay
	if kind == Late {
		v.keep(inFlight{request: call, fault: None, due: begun.Add(v.lateBy)})
		panic(http.ErrAbortHandler)
	}
	if !pause(r, wait) {
		if v.creates(op) {
			wait = max(wait, v.lateBy)
		}
		v.keep(inFlight{request: call, fault: kind, due: begun.Add(wait)})
		return
	}
	v.landDue()
	if kind == Troubled {
		trouble.answer(w)
		return
	}
	v.carryOut(w, call, kind)
	if kind == DropBefore || kind == Down || kind == DropAfter {
		panic(http.ErrAbortHandler)
	}
}

// carryOut does what is asked of the vendor, as far as the fault lets it, and
// answers unless the connection is to be closed.
func (v *vendor) carryOut(w http.ResponseWriter, r *http.Request, kind Kind) {
	api := http.StripPrefix(v.base(), v.mux)
	switch kind {
	case TooMany:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusTooManyRequests, map[string]string{"message": "Too Many Attempts."})
	case FailBefore:
		answer(w, http.StatusServiceUnavailable, map[string]string{"message": "Service Unavailable"})
	case FailAfter:
		api.ServeHTTP(lost{}, r)
		answer(w, http.StatusInternalServerError, map[string]string{"message": "Server Error"})
	case Refused:
		answer(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
	case DropBefore, Down, Troubled:
	case DropAfter:
		api.ServeHTTP(lost{}, r)
	case ExpiredToken:
		v.standIn.(expirer).expire()
		api.ServeHTTP(w, r)
	default:
		api.ServeHTTP(w, r)
	}
}

// creates reports whether the operation makes an account.
func (v *vendor) creates(op string) bool { return slices.Contains(v.creations(), op) }

// operation returns the pattern that the call matches, empty where none does.
func (v *vendor) operation(r *http.Request) string {
	path, ok := strings.CutPrefix(r.URL.Path, v.base())
	if !ok {
		return ""
	}
	below := r.Clone(r.Context())
	below.URL.Path = path
	below.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, v.base())
	_, pattern := v.mux.Handler(below)
	return pattern
}

// draw counts the call and decides its fault and its wait. The fault of an outage
// goes before a trouble, and a trouble before any other.
func (v *vendor) draw(op string, trouble Trouble) (Kind, time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls[op]++
	wait := min(time.Duration(v.random.ExpFloat64()*float64(v.latency)), maxLatency*v.latency)
	kind := None
	if v.random.Float64() < v.share {
		kind = v.kinds()[v.random.IntN(len(v.kinds()))]
	}
	if kind == None && v.late > 0 && v.creates(op) && v.random.Float64() < v.late {
		kind = Late
	}
	for i, f := range v.forced {
		if f.On == "" || f.On == op {
			kind = f.Kind
			v.forced = append(v.forced[:i:i], v.forced[i+1:]...)
			break
		}
	}
	if trouble.Status != 0 {
		kind = Troubled
	}
	if time.Now().Before(v.outage.until) {
		kind = v.outage.kind
	}
	if _, ok := v.standIn.(expirer); !ok && kind == ExpiredToken {
		kind = None
	}
	if kind != None {
		v.faults[kind]++
	}
	return kind, wait
}

// kinds are the faults that can befall this vendor, each as likely as it stands
// here often. A 429 is rare, since it slows all of a good client down for long; so is an
// expired token, since it ends the tokens of all callers.
func (v *vendor) kinds() []Kind {
	often := []Kind{FailBefore, FailAfter, DropBefore, DropAfter}
	kinds := append(slices.Repeat(often, 5), TooMany)
	if _, ok := v.standIn.(expirer); ok {
		kinds = append(kinds, ExpiredToken)
	}
	return kinds
}

// pause waits, and returns false where the caller has gone.
func pause(r *http.Request, wait time.Duration) bool {
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (v *vendor) setFaults(share float64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.share = min(max(share, 0), 1)
}

func (v *vendor) force(faults []Fault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forced = append(v.forced, faults...)
}

// lost takes an answer that nobody will see.
type lost struct{}

// Header returns headers that go nowhere.
func (lost) Header() http.Header { return http.Header{} }

// Write drops b.
func (lost) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader does nothing.
func (lost) WriteHeader(int) {}
