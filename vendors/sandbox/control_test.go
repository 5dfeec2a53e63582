package sandbox_test

import (
	"net/http"
	"testing"

	"github.com/usherhq/usher/vendors/sandbox"
)

func TestControl(t *testing.T) {
	_, url := serve(t, sandbox.Config{})
	for _, step := range []struct {
		path   string
		status int // of a call to Miestro from then on
	}{
		{"/control/miestro?mode=refuse&for=1m", http.StatusUnauthorized},
		{"/control/miestro?mode=down&for=1m", 0},
		{"/control/miestro?mode=ok", http.StatusOK},
		{"/control/usermost?mode=down&for=1m", http.StatusOK},
	} {
		if status, _, body := call(t, http.MethodPost, url+step.path, ""); status != http.StatusNoContent {
			t.Fatalf("%s: got %d %s, want 204", step.path, status, body)
		}
		if status, _, body := call(t, http.MethodGet, url+users, ""); status != step.status {
			t.Errorf("a call after %s: got %d %s, want %d", step.path, status, body, step.status)
		}
	}
}

func TestControlRefuses(t *testing.T) {
	_, url := serve(t, sandbox.Config{})
	for name, path := range map[string]string{
		"a vendor that it does not have": "/control/acme?mode=down&for=1s",
		"a mode that it does not have":   "/control/lead?mode=slow&for=1s",
		"what is no duration":            "/control/lead?mode=down&for=long",
		"a duration below zero":          "/control/lead?mode=down&for=-1s",
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, body := call(t, http.MethodPost, url+path, ""); status != http.StatusBadRequest {
				t.Errorf("got %d %s, want 400", status, body)
			}
		})
	}
}
