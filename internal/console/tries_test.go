package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/internal/ops"
)

// TestTriesToLogIn tries tokens from addresses: the tries of others lock nobody out, and guesses
// have a limit.
func TestTriesToLogIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proxies, err := clientlimit.ParseProxies([]string{"10.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		const token, wrong = "token-of-ann-0123456789", "a-guess-of-16-bytes"
		c, err := New(Config{People: []Person{{Name: "Ann", Operator: true, Token: token}}, Proxies: proxies}, Deps{Service: func() *ops.Service { return &ops.Service{} }, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		try := func(address, token string) int {
			r := httptest.NewRequest(http.MethodPost, "/console/login", strings.NewReader("token="+token))
			r.RemoteAddr = "10.0.0.1:1"
			r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Forwarded-For": {address}}
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			return w.Code
		}
		guesses := 0
		for range 1000 {
			if try("192.0.2.1", wrong) == http.StatusUnauthorized {
				guesses++
			}
		}
		if guesses != triesAtOnce+triesOfAll {
			t.Errorf("got %d guesses read at once, want %d", guesses, triesAtOnce+triesOfAll)
		}
		if got := try("198.51.100.7", token); got != http.StatusSeeOther {
			t.Errorf("got status %d from another address during a flood, want 303", got)
		}
		time.Sleep(time.Second)
		if got := try("192.0.2.1", token); got != http.StatusSeeOther {
			t.Errorf("got status %d from the address of the flood a second later, want 303", got)
		}
		for range 100 { // one wrong try each 12 seconds
			time.Sleep(tryEvery)
			try("192.0.2.1", wrong)
		}
		if got := try("192.0.2.1", token); got != http.StatusSeeOther {
			t.Errorf("got status %d beside a try each 12 seconds, want 303", got)
		}
	})
}
