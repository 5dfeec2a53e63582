//go:build !race

package usermost_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/usermost"
)

// answering is a transport that answers at once.
type answering struct{}

func (answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"response":{"data":{},"message":"done","status":"queued"}}`)),
	}, nil
}

// TestAllocations holds what a call costs in the client to a ceiling, without what
// net/http's transport adds.
func TestAllocations(t *testing.T) {
	const most = 56 // objects
	c := usermost.Defaults()
	c.BaseURL = "http://127.0.0.1:1"
	c.LicenseCode = "license"
	c.APIKey = "key"
	c.HTTP = answering{}
	c.Rate = 0
	a, err := usermost.New(c)
	if err != nil {
		t.Fatal(err)
	}
	did := vendors.Activity{
		Origin: vendors.Origin{Key: "0123456789abcdef0123456789abcdef", At: time.Unix(1_700_000_000, 0)}, UserID: "u1", Name: "lesson.read",
		At: time.Unix(1_700_000_000, 0), Properties: []byte(`{"lesson":7}`),
	}
	got := testing.AllocsPerRun(100, func() {
		if err := a.Track(t.Context(), did); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%.0f", got)
	if got > most {
		t.Errorf("%.0f objects, want %d at most", got, most)
	}
}
