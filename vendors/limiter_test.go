package vendors_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
)

// answers is a vendor that answers with the status that it is set to.
type answers struct {
	status int
	after  string // Retry-After
	calls  int
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.calls++
	h := http.Header{}
	if a.after != "" {
		h.Set("Retry-After", a.after)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: r}, nil
}

// paced returns a client of a vendor, and a call to it.
func paced(a *answers, perSecond float64) (*vendors.Client, func(context.Context) error) {
	c := vendors.NewClient("acme", vendors.Options{BaseURL: "https://acme.example.org", HTTP: a, Rate: perSecond, Timeout: time.Second}, nil)
	return c, func(ctx context.Context) error { return c.Do(ctx, vendors.Call{Method: "POST", Path: "/"}) }
}

func TestA429HalvesTheRateAndItClimbsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{status: 429}
		c, call := paced(a, 8)
		_ = call(t.Context())
		if got, want := c.Rate(), 4.0; got != want {
			t.Errorf("got a rate of %v after a 429, want %v", got, want)
		}
		a.status = 200
		var rates []float64
		for begun := time.Now(); c.Rate() < 8; rates = append(rates, c.Rate()) {
			if err := call(t.Context()); err != nil {
				t.Fatal(err)
			}
			if time.Since(begun) > time.Minute {
				t.Fatalf("the rate is still at %v after a minute", c.Rate())
			}
		}
		for i := 1; i < len(rates); i++ {
			if step := rates[i] - rates[i-1]; step < 0 || step > 8.0/10+0.01 {
				t.Fatalf("got a step of %v, want no more than a tenth of the full rate", step)
			}
		}
	})
}

func TestManyA429DoNotStopAVendorForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{status: 429}
		c, call := paced(a, 64)
		for begun := time.Now(); time.Since(begun) < time.Minute; {
			_ = call(t.Context())
		}
		if got := c.Rate(); got < 1 || got > 2 {
			t.Errorf("got a rate of %v, want the floor of 1", got)
		}
	})
}

func TestWithoutALimitA429HalvesWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{status: 200}
		c, call := paced(a, 0)
		for range 200 {
			if err := call(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !math.IsInf(c.Rate(), 1) && c.Rate() < math.MaxFloat64 {
			t.Fatalf("got a rate of %v, want none", c.Rate())
		}
		a.status = 429
		_ = call(t.Context())
		if got := c.Rate(); got < 40 || got > 60 {
			t.Errorf("got a rate of %v, want half of the 100 that were made", got)
		}
	})
}

// TestTheRetryAfterOfEither429Counts is about a run of two, one of which says nothing.
func TestTheRetryAfterOfEither429Counts(t *testing.T) {
	for name, test := range map[string]struct {
		after [2]string
		stops bool
	}{
		"of the first":  {[2]string{"90", ""}, true},
		"of the second": {[2]string{"", "90"}, true},
		"of none":       {[2]string{"", ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{status: 429}
				_, call := paced(a, 100)
				for _, a.after = range test.after {
					_ = call(t.Context())
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if err := call(ctx); errors.Is(err, vendors.ErrLate) != test.stops {
					t.Errorf("got %v, want that the call was not begun: %v", err, test.stops)
				}
			})
		})
	}
}

// TestARetryAfterBeforeAnAnswerIsOver is about a 429 that was followed by an answer:
// it stops nothing, whatever comes later.
func TestARetryAfterBeforeAnAnswerIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{}
		_, call := paced(a, 100)
		for _, step := range []answers{{status: 429, after: "90"}, {status: 200}, {status: 429}, {status: 429}} {
			a.status, a.after = step.status, step.after
			_ = call(t.Context())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := call(ctx); errors.Is(err, vendors.ErrLate) {
			t.Errorf("got %v, want the call to be made", err)
		}
	})
}

func TestASecond429StopsAllCallsUntilRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{status: 429, after: "90"}
		_, call := paced(a, 100)
		_ = call(t.Context())
		_ = call(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := call(ctx)
		e, ok := errors.AsType[*vendors.Error](err)
		if !ok || !errors.Is(err, vendors.ErrLate) || e.After < 60*time.Second {
			t.Errorf("got %v, want that the call was not begun, and when to come back", err)
		}
		if a.calls != 2 {
			t.Errorf("got %d calls, want 2", a.calls)
		}
		a.status = 200
		begun := time.Now()
		time.Sleep(75 * time.Second)
		long, cancelLong := context.WithTimeout(t.Context(), time.Minute)
		defer cancelLong()
		if err := call(long); err != nil || time.Since(begun) < 70*time.Second {
			t.Errorf("got %v after %v, want a call once the time is over", err, time.Since(begun))
		}
	})
}
