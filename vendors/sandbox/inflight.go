package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"time"
)

// maxInFlight is the most calls of one vendor that are in flight without a caller.
// Beyond that, the call that is due first is carried out ahead of its time.
const maxInFlight = 4096

// inFlight is a call that the vendor has received whole and whose caller has
// gone. The vendor carries the call out all the same when the call is due.
type inFlight struct {
	request *http.Request
	fault   Kind
	due     time.Time
}

// receiveWhole reads the body whole, and returns the request without the caller's
// context, so that the call can be carried out after the caller has gone. An error
// means that the caller went before the request was whole.
func receiveWhole(r *http.Request) (*http.Request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	whole := r.WithContext(context.WithoutCancel(r.Context()))
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return whole, nil
}

// keep adds a call without a caller to those in flight.
func (v *vendor) keep(c inFlight) {
	v.mu.Lock()
	byDue := func(a, b inFlight) int { return a.due.Compare(b.due) }
	place, _ := slices.BinarySearchFunc(v.flying, inFlight{due: c.due.Add(1)}, byDue) // behind those of the same time
	v.flying = slices.Insert(v.flying, place, c)
	full := len(v.flying) > maxInFlight
	v.mu.Unlock()
	if full {
		v.land(1, func(inFlight) bool { return true })
	}
}

// landDue carries out the calls in flight that are due, the earliest first. Every
// call and every read of the state does so before anything else. Nobody can see
// the difference to a goroutine for each call, and no goroutine outlives its request.
func (v *vendor) landDue() {
	now := time.Now()
	v.land(maxInFlight, func(c inFlight) bool { return !c.due.After(now) })
}

// land carries out at most n of the calls in flight, the earliest first, while may
// accepts the earliest.
func (v *vendor) land(n int, may func(inFlight) bool) {
	v.landing.Lock()
	defer v.landing.Unlock()
	for range n {
		c, ok := v.takeEarliest(may)
		if !ok {
			return
		}
		v.carryOut(lost{}, c.request, c.fault)
	}
}

// takeEarliest removes the call that is due first from those in flight, if may
// accepts the call.
func (v *vendor) takeEarliest(may func(inFlight) bool) (c inFlight, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.flying) == 0 || !may(v.flying[0]) {
		return inFlight{}, false
	}
	c, v.flying = v.flying[0], v.flying[1:]
	return c, true
}
