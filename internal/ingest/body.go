package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	firstRoom  = 16 << 10        // bytes of the first buffer of a body
	largeBody  = 64 << 10        // a larger body waits for one of decodeRoom places
	decodeRoom = 4               // large bodies in decoding, in all
	busyAfter  = 1 * time.Second // Retry-After while the budgets are used up
)

// errBusy means that the budget of bodies in hand is used up.
var errBusy = errors.New("the budget of bodies in hand is used up")

// received is the body of a request, with the charge and the place to decode.
type received struct {
	body   []byte
	charge charge
	leave  func() // frees the place to decode; nil without a place
}

// free returns the charge and the place.
func (in *received) free() {
	in.charge.free()
	if in.leave != nil {
		in.leave()
	}
}

// busy answers a request that finds no room.
func (p *endpoint) busy(w http.ResponseWriter, r *http.Request) {
	p.refuse(w, r, problem{Status: http.StatusServiceUnavailable, after: busyAfter, Detail: "too many large requests at a time; send the request again later"})
}

// receive reads the whole body of at most limit bytes, charged to a budget while it grows. Reports
// false after answering the request with an error; else the caller calls free.
func (p *endpoint) receive(w http.ResponseWriter, r *http.Request, c charge, limit int64) (*received, bool) {
	if coding := coding(r.Header); coding != "" && (coding != "gzip" || routeOf(r.URL.Path) != "/webhooks") {
		p.refuse(w, r, problem{Status: http.StatusUnsupportedMediaType, Detail: "the body must not be compressed; gzip is accepted for web hooks only"})
		return nil, false
	}
	if most := p.deps.Stream.MaxMessage(); most > 0 {
		limit = min(limit, most)
	}
	in := &received{charge: c}
	err := in.read(http.MaxBytesReader(w, r.Body, limit), r.ContentLength, limit)
	if err == nil {
		return in, true
	}
	in.free()
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case errors.Is(err, errBusy):
		p.busy(w, r)
	case tooLarge:
		p.refuse(w, r, problem{Status: http.StatusRequestEntityTooLarge, Detail: "the body is too large; send smaller batches"})
	default:
		p.refuse(w, r, problem{Status: http.StatusBadRequest, Detail: "the body ends early; send the request again"})
	}
	return nil, false
}

// read reads the body. The buffer grows with the bytes that arrived, never with Content-Length
// alone: a sender would otherwise reserve memory by a header.
func (in *received) read(body io.Reader, announced, limit int64) error {
	size := min(max(announced, 0), firstRoom) + bytes.MinRead // the last read finds the end of the body
	if !in.charge.grow(max(size, leastCharge)) {
		return errBusy
	}
	in.body = make([]byte, 0, size)
	for {
		if len(in.body) == cap(in.body) {
			size = min(2*size, limit+bytes.MinRead)
			if !in.charge.grow(size) {
				return errBusy
			}
			in.body = append(make([]byte, 0, size), in.body...)
		}
		n, err := body.Read(in.body[len(in.body):cap(in.body)])
		in.body = in.body[:len(in.body)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// prove charges the body to the proven sender, and waits for a place to decode a large body.
// Reports false after answering the request with 503.
func (p *endpoint) prove(w http.ResponseWriter, r *http.Request, in *received, sender string) bool {
	if in.charge.budget != p.proven {
		c := charge{budget: p.proven, sender: sender}
		if !c.grow(in.charge.bytes) {
			p.busy(w, r)
			return false
		}
		in.charge.free()
		in.charge = c
	}
	if len(in.body) <= largeBody {
		return true
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.config.StoreTime)
	defer cancel()
	if p.decoding.Take(ctx) != nil {
		p.busy(w, r)
		return false
	}
	in.leave = p.decoding.Free
	return true
}
