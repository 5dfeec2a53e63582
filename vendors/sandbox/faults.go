package sandbox

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a fault of a call.
type Fault struct {
	Kind Kind
	On   string // the call to hit, as in VendorState.Calls ("POST /users"); "" for any call
}

// Kind is a kind of fault.
type Kind string

// The kinds of fault. "Before" means that the vendor did nothing; "after" means that the vendor
// carried the call out and the response is lost. A completely received call is carried out
// after the latency, even if the caller disconnects, unless the fault says that the vendor does
// nothing.
const (
	TooMany      Kind = "429"              // 429 with Retry-After: 1, without effect
	FailBefore   Kind = "5xx before"       // 503
	FailAfter    Kind = "5xx after"        // 500
	DropBefore   Kind = "drop before"      // the connection is closed
	DropAfter    Kind = "drop after"       // the connection is closed
	Late         Kind = "late"             // the connection is closed, and the call is carried out after Config.LateBy
	Refused      Kind = "refused"          // 401 for every call, including log-ins, without effect; by Control only
	Down         Kind = "down"             // the connection is closed, without effect; by Control only
	Troubled     Kind = "trouble"          // the response of a Trouble, without effect; by SetTrouble only
	ExpiredToken Kind = "expired token"    // of vendors with a log-in: all tokens end, then the call is answered
	None         Kind = "none"             // no fault, for tests that count calls
	maxLatency        = 10                 // times the mean
	pcgStream         = 0x9e3779b97f4a7c15 // separates the random numbers of the vendors
)

// vendor is a fake vendor with faults and call counts.
type vendor struct {
	fakeVendor
	instance string // name of a further instance; "" for the first of a kind
	mux      *http.ServeMux
	latency  time.Duration
	late     float64
	lateBy   time.Duration
	landing  sync.Mutex // held while calls without a caller are carried out

	mu       sync.Mutex
	inFlight []inFlight // calls without a caller, earliest due time first
	random   *rand.Rand
	share    float64
	forced   []Fault
	outage   outage
	calls    map[string]int
	faults   map[Kind]int

	trouble timedTrouble
}

// newVendor returns a vendor with the faults of c. number selects the random numbers.
func newVendor(s fakeVendor, c Config, number uint64) *vendor {
	v := &vendor{
		fakeVendor: s,
		mux:        http.NewServeMux(),
		latency:    c.Latency,
		late:       c.Late,
		lateBy:     c.LateBy,
		random:     rand.New(rand.NewPCG(c.Seed, pcgStream+number)),
		share:      c.Faults,
		calls:      map[string]int{},
		faults:     map[Kind]int{},
	}
	for pattern, handle := range s.routes() {
		v.mux.HandleFunc(pattern, handle)
	}
	return v
}

// name returns the name of the instance, or else of the kind.
func (v *vendor) name() string { return cmp.Or(v.instance, v.fakeVendor.name()) }

// base returns the path of the base URL, with the name first.
func (v *vendor) base() string {
	return "/" + v.name() + strings.TrimPrefix(v.fakeVendor.base(), "/"+v.fakeVendor.name())
}

// ServeHTTP answers a call, or applies a fault. If the caller disconnects during the delay, the
// call stays in flight.
func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, err := receiveWhole(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	op := v.operation(call)
	if op == "" {
		answer(w, http.StatusNotFound, map[string]string{"message": "the sandbox has no such call"})
		return
	}
	begun := time.Now()
	trouble := v.troubleOf(call)
	kind, wait := v.draw(op, trouble)
	wait += trouble.Delay
	if kind == Late {
		v.addInFlight(inFlight{request: call, fault: None, due: begun.Add(v.lateBy)})
		panic(http.ErrAbortHandler)
	}
	if !pause(r, wait) {
		if v.creates(op) {
			wait = max(wait, v.lateBy)
		}
		v.addInFlight(inFlight{request: call, fault: kind, due: begun.Add(wait)})
		return
	}
	v.carryOutDue()
	if kind == Troubled {
		trouble.answer(w)
		return
	}
	v.carryOut(w, call, kind)
	if kind == DropBefore || kind == Down || kind == DropAfter {
		panic(http.ErrAbortHandler)
	}
}

// carryOut carries out a call, as far as the fault allows, and answers unless the connection is
// to be closed.
func (v *vendor) carryOut(w http.ResponseWriter, r *http.Request, kind Kind) {
	api := http.StripPrefix(v.base(), v.mux)
	switch kind {
	case TooMany:
		if t, ok := v.fakeVendor.(throttler); ok {
			t.throttled(w)
			return
		}
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusTooManyRequests, map[string]string{"message": "Too Many Attempts."})
	case FailBefore:
		answer(w, http.StatusServiceUnavailable, map[string]string{"message": "Service Unavailable"})
	case FailAfter:
		api.ServeHTTP(discard{}, r)
		answer(w, http.StatusInternalServerError, map[string]string{"message": "Server Error"})
	case Refused:
		answer(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
	case DropBefore, Down, Troubled:
	case DropAfter:
		api.ServeHTTP(discard{}, r)
	case ExpiredToken:
		v.fakeVendor.(expirer).expire()
		api.ServeHTTP(w, r)
	default:
		api.ServeHTTP(w, r)
	}
}

// creates reports whether the operation creates an account.
func (v *vendor) creates(op string) bool { return slices.Contains(v.creations(), op) }

// operation returns the pattern of a call, or "" for an unknown call.
func (v *vendor) operation(r *http.Request) string {
	path, ok := strings.CutPrefix(r.URL.Path, v.base())
	if !ok {
		return ""
	}
	below := r.Clone(r.Context())
	below.URL.Path = path
	below.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, v.base())
	if f, ok := v.fakeVendor.(fake); ok {
		op := f.Operation(below)
		r.Body = below.Body // Operation has read the first
		return op
	}
	_, pattern := v.mux.Handler(below)
	if d, ok := v.fakeVendor.(dispatcher); ok && pattern != "" {
		return strings.TrimSpace(pattern + " " + d.function(r))
	}
	return pattern
}

// draw counts the call and selects fault and delay. The fault of an outage wins over a trouble,
// and a trouble over other faults.
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
	if _, ok := v.fakeVendor.(expirer); !ok && kind == ExpiredToken {
		kind = None
	}
	if kind != None {
		v.faults[kind]++
	}
	return kind, wait
}

// kinds returns the faults of this vendor, with repetitions by probability. A 429 is rare, because
// each one slows down a good client for long, and so is an expired token, because it ends the
// tokens of all callers.
func (v *vendor) kinds() []Kind {
	often := []Kind{FailBefore, FailAfter, DropBefore, DropAfter}
	kinds := append(slices.Repeat(often, 5), TooMany)
	if _, ok := v.fakeVendor.(expirer); ok {
		kinds = append(kinds, ExpiredToken)
	}
	return kinds
}

// pause waits and reports whether the caller is still connected.
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

// discard is a ResponseWriter for a response without a caller.
type discard struct{}

// Header returns an unused header.
func (discard) Header() http.Header { return http.Header{} }

// Write discards b.
func (discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader does nothing.
func (discard) WriteHeader(int) {}
