package hostile

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// startVendor starts the server of all hostile vendors, and returns the address. Of three calls
// one gets the response of the stand-in, so that the circuit of a vendor stays closed most of the
// time.
func (w *world) startVendor(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	honest := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.Sandbox()})
	honest.Transport = w.honest
	honest.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is no news
	w.report.Responses = map[string]int{}
	w.vendor = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if rand.IntN(3) == 0 {
			honest.ServeHTTP(rw, r)
			return
		}
		w.respond(rw, r)
	})}
	go func() { _ = w.vendor.Serve(l) }() // ends with Close
	return l.Addr().String(), nil
}

// respond answers with a hostile body.
func (w *world) respond(rw http.ResponseWriter, r *http.Request) {
	bodies := responses()
	name := names(bodies)[rand.IntN(len(bodies))]
	status := []int{200, 200, 201, 400, 404, 422, 429, 500, 503}[rand.IntN(9)]
	w.count(func() { w.report.Responses[name]++ })
	rw.Header().Set("Content-Type", "application/json")
	if rand.IntN(2) == 0 {
		rw.Header().Set("Content-Encoding", "gzip")
		rw.WriteHeader(status)
		z, _ := gzip.NewWriterLevel(rw, gzip.BestSpeed)
		bodies[name](z, r)
		_ = z.Close()
		return
	}
	rw.WriteHeader(status)
	bodies[name](rw, r)
}

// responses returns writers of hostile bodies by name.
func responses() map[string]func(io.Writer, *http.Request) {
	text := func(begin, unit, end string, size int) func(io.Writer, *http.Request) {
		return func(w io.Writer, _ *http.Request) {
			_, _ = io.WriteString(w, begin+strings.Repeat(unit, size/len(unit))+end)
		}
	}
	const large = 4<<20 - 1<<10
	return map[string]func(io.Writer, *http.Request){
		"empty lists":   text(`{"message":[`, "[],", "[]]}", large),
		"users":         text(`{"users":[`, "{},", "{}]}", large),
		"data":          text(`{"data":[`, `{"id":7},`, "{}]}", large),
		"nulls":         text("[", "null,", "null]", large),
		"members":       text(`{"errors":{`, `"a":0,`, `"a":0}}`, large),
		"brackets":      text("", "[", "", large),
		"one text":      text(`{"message":"`, "a", `"}`, large),
		"escapes":       text(`{"id":"`, `\u0061`, `"}`, large),
		"too large":     text(`{"data":[`, "{},", "{}]}", 16<<20),
		"an error page": text("<html>", "<p>", "</html>", 1<<20),
		"endless": func(w io.Writer, r *http.Request) {
			chunk := strings.Repeat("[],", 10_000)
			for _, err := io.WriteString(w, `{"data":[`); err == nil && r.Context().Err() == nil; {
				_, err = io.WriteString(w, chunk)
			}
		},
		"slow": func(w io.Writer, r *http.Request) {
			for range 50 {
				if _, err := fmt.Fprint(w, "[[[["); err != nil {
					return
				}
				select {
				case <-r.Context().Done():
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		},
	}
}
