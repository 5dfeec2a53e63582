package memnet_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// TestServeOnVirtualTime has a call that is answered and one that is not.
func TestServeOnVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Timeout: time.Hour, Transport: memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/never" {
				<-r.Context().Done()
			}
			_, _ = io.WriteString(w, r.Host)
		}))}
		res, err := client.Get("http://acme.example.org/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(body) != "acme.example.org" {
			t.Errorf("got %q, %v, want the host", body, err)
		}
		begun := time.Now()
		answer, err := client.Get("http://acme.example.org/never")
		if err == nil {
			answer.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a time-out", err)
		}
		if took := time.Since(begun); took != time.Hour {
			t.Errorf("took %v, want an hour", took)
		}
	})
}
