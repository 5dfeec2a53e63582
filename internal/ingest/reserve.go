package ingest

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
)

const (
	// fullAfter is sent to a sender that has used up the share.
	fullAfter = 10 * time.Minute

	leastEvent  = 512     // bytes of the headers of an event in the stream, about
	leastLetter = 1 << 10 // bytes of a dead letter beside the body, about
)

// sizeOf returns about the bytes of events in the stream.
func sizeOf(list []events.Event) int64 {
	bytes := int64(len(list)) * leastEvent
	for _, e := range list {
		bytes += int64(len(e.Data()))
	}
	return bytes
}

// letterSize returns about the bytes of the dead letter of a delivery.
func letterSize(d Delivery) int64 {
	return leastLetter + int64(base64.StdEncoding.EncodedLen(len(d.Body)))
}

// mayStore answers with 429 if the stream of events is nearly full, mostly by events of the sender.
func (p *endpoint) mayStore(w http.ResponseWriter, r *http.Request, sender string) bool {
	left, limit := p.deps.Stream.Room()
	return p.mayFill(w, r, p.reserve.Has(sender, left, limit), "events")
}

// mayKeep answers with 429 if the stream of dead letters is nearly full, and deliveries of the sender took
// more than their part. The workers count as one more sender: the turn of a user whose effect fails waits
// for room.
func (p *endpoint) mayKeep(w http.ResponseWriter, r *http.Request, sender string) bool {
	left, limit := p.deps.Failed.KeepRoom()
	return p.mayFill(w, r, p.deadReserve.Has(sender, left, limit), "dead letters")
}

// mayFill answers with 429 unless there is room.
func (p *endpoint) mayFill(w http.ResponseWriter, r *http.Request, ok bool, of string) bool {
	if !ok {
		p.refuse(w, r, problem{
			Status: http.StatusTooManyRequests, after: fullAfter,
			Detail: "the stream of " + of + " is nearly full, and this sender has stored more than the others: the rest is for them until there is room again",
		})
	}
	return ok
}
