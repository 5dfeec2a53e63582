package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"time"
)

// maxInFlight is the maximum number of calls in flight per vendor without a caller. Beyond
// that, the earliest call is carried out ahead of time.
const maxInFlight = 4096

// inFlight is a completely received call without a caller. The vendor carries the call out at
// the due time.
type inFlight struct {
	request *http.Request
	fault   Kind
	due     time.Time
}

// receiveWhole reads the whole body and returns the request without the caller's context, so
// the call can be carried out without a caller. An error means that the caller disconnected too
// early.
func receiveWhole(r *http.Request) (*http.Request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	whole := r.WithContext(context.WithoutCancel(r.Context()))
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return whole, nil
}

// addInFlight adds a call without a caller.
func (v *vendor) addInFlight(c inFlight) {
	v.mu.Lock()
	byDue := func(a, b inFlight) int { return a.due.Compare(b.due) }
	place, _ := slices.BinarySearchFunc(v.inFlight, inFlight{due: c.due.Add(1)}, byDue) // behind calls with the same due time
	v.inFlight = slices.Insert(v.inFlight, place, c)
	full := len(v.inFlight) > maxInFlight
	v.mu.Unlock()
	if full {
		v.carryOutFirst(1, func(inFlight) bool { return true })
	}
}

// carryOutDue carries out the due calls in flight, the earliest first, before every other call
// and before every read of the state. The effect is the same as with a goroutine per call, and
// no goroutine outlives a request.
func (v *vendor) carryOutDue() {
	now := time.Now()
	v.carryOutFirst(maxInFlight, func(c inFlight) bool { return !c.due.After(now) })
}

// carryOutFirst carries out at most n calls in flight, the earliest first, while may accepts
// the earliest.
func (v *vendor) carryOutFirst(n int, may func(inFlight) bool) {
	v.landing.Lock()
	defer v.landing.Unlock()
	for range n {
		c, ok := v.takeEarliest(may)
		if !ok {
			return
		}
		v.carryOut(discard{}, c.request, c.fault)
	}
}

// takeEarliest removes and returns the earliest call in flight, if may accepts the call.
func (v *vendor) takeEarliest(may func(inFlight) bool) (c inFlight, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.inFlight) == 0 || !may(v.inFlight[0]) {
		return inFlight{}, false
	}
	c, v.inFlight = v.inFlight[0], v.inFlight[1:]
	return c, true
}
